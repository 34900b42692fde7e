//===- GpuPtx.cpp - writes the PTX of the kernels of all cases ------------===//
//
// gpu_ptx FOLDER TARGET [CASE...]: the kernels of what gpu_ptxas compiles, for sm_80 or sm_90a, as
// FOLDER/CASE.NUMBER.ptx with a kernel's number in its program. tools/compare-ptx.py says what a
// change of the compiler made of them. Exit codes: 0, or 1 where a case cannot be compiled.
//
//===----------------------------------------------------------------------===//

#include "tests/gpu/GpuKernels.h"

#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <fstream>

using namespace stc;

int main(int argc, char **argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: gpu_ptx FOLDER TARGET [CASE...]\n");
    return 1;
  }
  const std::filesystem::path folder = argv[1];
  const std::string target = argv[2];
  if (target != "sm_80" && target != "sm_90a") {
    fmt::print(stderr, "gpu_ptx: error: expected the target sm_80 or sm_90a, found '{}'\n", target);
    return 1;
  }
  auto programs = gpuPrograms(llvm::ArrayRef(argv + 3, argc - 3));
  if (!programs) {
    fmt::print(stderr, "gpu_ptx: error: {}\n", programs.error());
    return 1;
  }
  std::filesystem::create_directories(folder);
  std::atomic<int> written = 0, wrong = 0;
  forEachProgram(*programs, [&](const GpuProgram &program, mlir::MLIRContext &context) {
    auto kernels = compileKernels(program, context, target);
    if (!kernels) {
      fmt::print(stderr, "gpu_ptx: error: {}: {}\n", program.name, kernels.error());
      ++wrong;
      return;
    }
    for (size_t k = 0; k < kernels->size(); ++k) {
      std::ofstream(folder / fmt::format("{}.{}.ptx", program.name, k)) << (*kernels)[k].ptx;
      ++written;
    }
  });
  fmt::print("{} kernels of {} programs\n", written.load(), programs->size());
  return wrong ? 1 : 0;
}

//===- GpuKernels.cpp - the code of all shared cases for a GPU ------------===//

#include "tests/gpu/GpuKernels.h"

#include "compiler/Pipeline/Compile.h"
#include "compiler/Target/CudaCode.h"
#include "dialects/Plan/Plan.h"
#include "tests/cases/Cases.h"
#include "tests/cases/RowCases.h"

#include <fmt/format.h>
#include <mlir/IR/Diagnostics.h>
#include <mlir/Parser/Parser.h>

#include <atomic>
#include <thread>

using namespace mlir;
using namespace stc;

static std::vector<GpuProgram> allPrograms() {
  std::vector<GpuProgram> all;
  for (const auto *list : {&cases::attentionCases(), &cases::gpuBenchmarkCases()})
    for (const cases::Case &test : *list) {
      // f16 has the same registers as bf16, and takes as long again.
      all.push_back({test.name, test.withGradient("bf16")});
      if (list == &cases::gpuBenchmarkCases())
        continue;
      all.push_back({test.name + "_forward_f32", test.forward("f32")});
      all.push_back({test.name + "_row_f32", test.row("f32")});
    }
  // Dynamic sizes take registers.
  for (const cases::Case &test : cases::gpuBenchmarkCases())
    if (test.name == "gpu_fixed_128_32_n12288" || test.name == "gpu_strided_128_n12288")
      all.push_back({test.name + "_dynamic", test.dynamic("bf16")});
  for (const cases::RowCase &test : cases::rowCases())
    all.push_back({test.name, test.text, test.hasGradient});
  return all;
}

tl::expected<std::vector<GpuProgram>, std::string> stc::gpuPrograms(ArrayRef<char *> chosen) {
  std::vector<GpuProgram> all = allPrograms();
  if (chosen.empty())
    return all;
  std::vector<GpuProgram> found;
  for (StringRef name : chosen) {
    auto program =
        llvm::find_if(all, [&](const GpuProgram &program) { return program.name == name; });
    if (program == all.end())
      return tl::unexpected(fmt::format("expected a case, found '{}'", name.str()));
    found.push_back(*program);
  }
  return found;
}

tl::expected<std::vector<GpuKernel>, std::string>
stc::compileKernels(const GpuProgram &program, MLIRContext &context, StringRef target) {
  std::string reason;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (reason.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
      reason = diagnostic.str();
    return success();
  });
  auto module = parseSourceString<ModuleOp>(program.text, &context);
  if (!module)
    return tl::unexpected(reason);
  CompileOptions options{HostTarget::create("native").value(), target.str()};
  options.gradients = program.hasGradient;
  if (failed(runPhases(*module, options)))
    return tl::unexpected(reason);
  FailureOr<std::vector<std::string>> all = compileCuda(*module, target, CodeKind::Assembly);
  if (failed(all))
    return tl::unexpected(reason);
  std::vector<GpuKernel> kernels;
  for (auto [kernel, ptx] : llvm::zip_equal(module->getOps<plan::KernelOp>(), *all))
    kernels.push_back({kernel.getSymName().str(), std::move(ptx), kernel.getGrid()->getEarly()});
  return kernels;
}

void stc::forEachProgram(ArrayRef<GpuProgram> programs,
                         function_ref<void(const GpuProgram &, MLIRContext &)> body) {
  DialectRegistry registry;
  registerCompiler(registry);
  std::atomic<size_t> next = 0;
  auto work = [&] {
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    for (size_t k; (k = next++) < programs.size();)
      body(programs[k], context);
  };
  std::vector<std::jthread> threads;
  for (int k = 0; k < 2; ++k)
    threads.emplace_back(work);
}

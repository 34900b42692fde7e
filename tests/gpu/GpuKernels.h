//===- GpuKernels.h - the code of all shared cases for a GPU ----*- C++ -*-===//
#pragma once

#include <llvm/ADT/ArrayRef.h>
#include <llvm/ADT/STLFunctionalExtras.h>
#include <mlir/IR/MLIRContext.h>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace stc {

/// A module to compile, under the name of its case.
struct GpuProgram {
  std::string name, text;
  bool hasGradient = false;
};

struct GpuKernel {
  std::string name, ptx;
  bool isEarly = false; ///< may start before the launch ahead of it has ended
};

/// The shared cases: those of attention forward and gradient in bf16 and forward and one query in
/// f32, those of the benchmark in bf16, some also of dynamic sizes, and those of rows. Of these the
/// chosen, if some are. Error: there is none of a chosen name.
tl::expected<std::vector<GpuProgram>, std::string> gpuPrograms(llvm::ArrayRef<char *> chosen);

/// A program's kernels in PTX for sm_80 or sm_90a, in their order in the module. Error: what the
/// compiler said first.
tl::expected<std::vector<GpuKernel>, std::string>
compileKernels(const GpuProgram &program, mlir::MLIRContext &context, llvm::StringRef target);

/// Runs the body for each program, on two threads with a context each.
void forEachProgram(
    llvm::ArrayRef<GpuProgram> programs,
    llvm::function_ref<void(const GpuProgram &program, mlir::MLIRContext &context)> body);

} // namespace stc

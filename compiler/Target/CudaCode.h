//===- CudaCode.h - from lowered kernels to code for a GPU ------*- C++ -*-===//
#pragma once

#include "compiler/Target/HostCode.h"

#include <mlir/IR/BuiltinOps.h>

#include <string>
#include <vector>

namespace stc {

/// What translation to LLVM needs of a context.
void registerCudaTranslations(mlir::DialectRegistry &registry);

/// Compiles the `plan.kernel`s of a module for sm_80 or sm_90a, in their order: optimized LLVM IR,
/// PTX, or as SharedObject what a program holds. That is for sm_90a a cubin where ptxas is found
/// ($CUDA_HOME/bin, the path, /usr/local/cuda/bin), else PTX, which the driver compiles; for sm_80
/// PTX, which later GPUs take, too. Warns of what ptxas says of serialized products and spilled
/// registers.
mlir::FailureOr<std::vector<std::string>> compileCuda(mlir::ModuleOp module, llvm::StringRef target,
                                                      CodeKind kind);

} // namespace stc

//===- CudaCode.h - from lowered kernels to code for a GPU ------*- C++ -*-===//
#pragma once

#include "compiler/Target/HostCode.h"

#include <mlir/IR/BuiltinOps.h>

#include <string>
#include <vector>

namespace stc {

/// What translation to LLVM needs of a context.
void registerCudaTranslations(mlir::DialectRegistry &registry);

/// Compiles the `plan.kernel`s of a module for sm_90a, in their order: optimized LLVM IR, PTX, or
/// as SharedObject a cubin where ptxas is found ($CUDA_HOME/bin, the path, /usr/local/cuda/bin),
/// else PTX, which the driver compiles. Warns of what ptxas says of serialized products and spilled
/// registers.
mlir::FailureOr<std::vector<std::string>> compileCuda(mlir::ModuleOp module, CodeKind kind);

} // namespace stc

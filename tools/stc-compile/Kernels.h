//===- Kernels.h - how a module's GPU kernels are laid out ------*- C++ -*-===//
#pragma once

#include "compiler/Explain/Schedule.h"

#include <llvm/ADT/StringMap.h>
#include <mlir/IR/BuiltinOps.h>

namespace stc {

/// The kernels of a module for a GPU, sm_80 or sm_90a, as they stand after the phase "plan": of
/// attention what they have to do, the tiles, and what they cost, by their symbols.
llvm::StringMap<LaunchedKernel> readKernels(mlir::ModuleOp planned, llvm::StringRef device);

/// In words, by entry, after all phases: these say what a block takes.
std::string explainKernels(mlir::ModuleOp lowered, llvm::StringRef device,
                           llvm::StringMap<LaunchedKernel> kernels);

} // namespace stc

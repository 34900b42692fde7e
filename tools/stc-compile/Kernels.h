//===- Kernels.h - how a module's GPU kernels are laid out ------*- C++ -*-===//
#pragma once

#include "compiler/Explain/Schedule.h"

#include <llvm/ADT/StringMap.h>
#include <mlir/IR/BuiltinOps.h>

namespace stc {

/// The attention kernels of a module for a Hopper GPU as they stand after the phase "plan", with
/// their tiles and what they cost, by their symbols.
llvm::StringMap<LaunchedKernel> readKernels(mlir::ModuleOp planned);

/// In words, by entry, after all phases: these say what a block takes.
std::string explainKernels(mlir::ModuleOp lowered, llvm::StringMap<LaunchedKernel> kernels);

} // namespace stc

//===- EntryProgram.h - a function as the planner sees it -------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToPlan/MemoryPlan.h"
#include "dialects/Stc/Stc.h"
#include "dialects/Tile/Tile.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {

/// The variables of a module, in their order, and their numbers.
struct Variables {
  llvm::SmallVector<VariableOp> ops;
  llvm::StringMap<int> numbers;
  std::vector<planner::Place> places;

  explicit Variables(mlir::ModuleOp module);
};

/// The buffers of a kernel that hold a launch's results; -1 for a tied one.
llvm::SmallVector<int64_t> resultBuffers(tile::LaunchOp launch);

/// A function's ops as steps. Reads after a write see the written value, reshapes are the same
/// value, and each use of a constant of zeros is a step of its own.
struct EntryProgram {
  planner::Program program;
  /// The op of each step: a launch, a matmul or a constant.
  llvm::SmallVector<mlir::Operation *> ops;
};

/// Fails with an error at the op that has no place at this level.
mlir::FailureOr<EntryProgram> translateEntry(mlir::func::FuncOp function,
                                             const Variables &variables,
                                             const mlir::SymbolTable &symbols);

} // namespace stc

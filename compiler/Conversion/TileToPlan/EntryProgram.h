//===- EntryProgram.h - a function as the planner sees it -------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToPlan/MemoryPlan.h"
#include "dialects/Stc/Stc.h"
#include "dialects/Tile/Tile.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {

/// The variables of a module, scratch behind the others, and their numbers.
struct Variables {
  llvm::SmallVector<VariableOp> ops;
  llvm::StringMap<int> numbers;
  std::vector<planner::Place> places;
  /// How many are no scratch.
  size_t lasting = 0;

  explicit Variables(mlir::ModuleOp module);

  /// Those that an entry must find and leave as they are: all, or without scratch where it uses
  /// none. Scratch shares its memory with what such an entry has between its steps.
  std::span<const planner::Place> placesFor(const planner::Program &entry) const;
};

/// The buffers of a kernel that hold a launch's results; -1 for a tied one.
llvm::SmallVector<int64_t> resultBuffers(tile::LaunchOp launch);

/// A function's ops as steps. Reads after a write see the written value, reshapes are the same
/// value, and each use of a constant of zeros is a step of its own.
struct EntryProgram {
  planner::Program program;
  /// The op of each step: a launch, a matmul, a constant, or an exchange, which has two: its start,
  /// and the wait for it, without results.
  llvm::SmallVector<mlir::Operation *> ops;
};

/// Fails with an error at the op that has no place at this level.
mlir::FailureOr<EntryProgram> translateEntry(mlir::func::FuncOp function,
                                             const Variables &variables,
                                             const mlir::SymbolTable &symbols);

} // namespace stc

//===- Budget.h - recomputation that keeps to a budget ----------*- C++ -*-===//
#pragma once

#include "compiler/Pipeline/Phases.h"

namespace stc {

/// Puts a policy of stc-insert-recompute that keeps to the budget in the place of "budget": the one
/// that computes the least again of those that were found. The judge is the memory planner:
/// each policy that is looked at is compiled, on a copy of the module, up to the plan. If neither
/// to keep all, nor to compute all again, nor to do so by blocks fits, the error says what is
/// needed.
mlir::LogicalResult chooseRecomputation(mlir::ModuleOp module, CompileOptions &options);

} // namespace stc

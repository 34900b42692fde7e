//===- Rematerialize.h - computing forward values again ---------*- C++ -*-===//
#pragma once

#include "dialects/Stc/Stc.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {

/// The marks that a function's ops carry for recomputation: the residual block that the model
/// builder put an op into, and the ops that differentiation made.
inline constexpr llvm::StringLiteral kBlockMark = "stc.block", kBackwardMark = "stc.backward";

/// The first op that differentiation made, constants aside, null if there is none. All ops before
/// it are the forward pass.
mlir::Operation *findBackward(mlir::Block &block);

/// Whether the function has such ops.
bool hasBackward(mlir::func::FuncOp function);

/// Results of forward ops that the backward pass uses, directly or inside elementwise work, and
/// that would stand in memory until then: what recomputation chooses from, in order.
std::vector<mlir::Operation *> savedOps(mlir::Block &block);

/// Gives the ops from the backward pass on clones of the forward ops that they need, each just
/// before its first use. Only values of ops in `kept` are taken from the forward pass; all others
/// are computed again from them.
void rematerialize(mlir::Block &block, const llvm::DenseSet<mlir::Operation *> &kept);

/// How many values the policy `cheapest` of stc-insert-recompute can compute again.
size_t countDroppable(mlir::func::FuncOp function);

} // namespace stc

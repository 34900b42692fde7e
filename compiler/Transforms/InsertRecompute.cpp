//===- InsertRecompute.cpp - recomputation in the backward pass -----------===//

#include "compiler/Transforms/OpCost.h"
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Rematerialize.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {
#define GEN_PASS_DEF_INSERTRECOMPUTE
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {
/// Whether the forward pass uses a value of the op in another residual block than its own, or it
/// stands in none.
bool crossesBlocks(Operation *op, Operation *backward) {
  Attribute own = op->getAttr(kBlockMark);
  return !own || llvm::any_of(op->getUsers(), [&](Operation *user) {
    return user->isBeforeInBlock(backward) && user->getAttr(kBlockMark) != own;
  });
}

/// What the forward pass has to keep and what it may drop, cheapest first: operations to compute
/// again for a byte that need not be kept.
struct Choice {
  std::vector<Operation *> always, candidates;

  explicit Choice(Block &block) {
    Operation *backward = findBackward(block);
    std::vector<Operation *> saved = savedOps(block);
    for (Operation *op : saved)
      (crossesBlocks(op, backward) && op->hasAttr(kBlockMark) ? always : candidates).push_back(op);
    // What computing an op again costs, from what is saved. Ops come after what they use.
    DenseSet<Operation *> isSaved(saved.begin(), saved.end());
    DenseMap<Operation *, double> cost, price;
    for (Operation &op : llvm::make_range(block.begin(), backward->getIterator())) {
      double sum = flopsOf(&op);
      for (Value operand : op.getOperands())
        if (Operation *producer = operand.getDefiningOp(); producer && !isSaved.contains(producer))
          sum += cost.lookup(producer);
      cost[&op] = sum;
    }
    for (Operation *op : candidates) {
      double size = 0;
      for (Value value : op->getResults())
        size += bytesOf(value);
      price[op] = cost[op] / std::max(size, 1.0);
    }
    llvm::stable_sort(candidates, [&](Operation *l, Operation *r) { return price[l] < price[r]; });
  }

  DenseSet<Operation *> kept(size_t dropped) const {
    DenseSet<Operation *> kept(always.begin(), always.end());
    kept.insert(candidates.begin() + std::min(dropped, candidates.size()), candidates.end());
    return kept;
  }
};

struct InsertRecomputePass : stc::impl::InsertRecomputeBase<InsertRecomputePass> {
  using InsertRecomputeBase::InsertRecomputeBase;

  void runOnOperation() override {
    if (policy != "none" && policy != "block" && policy != "cheapest") {
      getOperation().emitError("expected the recomputation policy none, block or cheapest, found ")
          << policy;
      return signalPassFailure();
    }
    if (drop < 0) {
      getOperation().emitError("expected a number of values to drop of at least 0, found ")
          << int64_t(drop);
      return signalPassFailure();
    }
    insert();
    getOperation().walk([](Operation *op) {
      op->removeDiscardableAttr(kBlockMark);
      op->removeDiscardableAttr(kBackwardMark);
    });
  }

  void insert() {
    func::FuncOp function = getOperation();
    if (policy == "none" || !hasBackward(function))
      return;
    Block &block = function.getBody().front();
    if (policy == "cheapest")
      return rematerialize(block, Choice(block).kept(drop));
    Operation *backward = findBackward(block);
    DenseSet<Operation *> kept;
    for (Operation *op : savedOps(block))
      if (crossesBlocks(op, backward))
        kept.insert(op);
    rematerialize(block, kept);
  }
};
} // namespace

size_t stc::countDroppable(func::FuncOp function) {
  return hasBackward(function) ? Choice(function.getBody().front()).candidates.size() : 0;
}

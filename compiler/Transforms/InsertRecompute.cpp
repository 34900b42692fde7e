//===- InsertRecompute.cpp - recomputation in the backward pass -----------===//

#include "compiler/Transforms/MemoryEstimate.h"
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Rematerialize.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>
#include <mlir/IR/IRMapping.h>

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

/// Chooses what to keep by a budget.
class Budget {
public:
  Budget(func::FuncOp function, int64_t bytes)
      : function(function), block(function.getBody().front()), bytes(bytes) {
    Operation *backward = findBackward(block);
    for (Operation *op : savedOps(block))
      (crossesBlocks(op, backward) && op->hasAttr(kBlockMark) ? always : candidates).push_back(op);
    fixed = fixedBytes();
    // Cheapest first: operations to compute again for a byte that need not be kept.
    DenseSet<Operation *> saved(candidates.begin(), candidates.end());
    saved.insert(always.begin(), always.end());
    DenseMap<Operation *, double> price;
    for (Operation *op : candidates) {
      double size = 0;
      for (Value value : op->getResults())
        size += bytesOf(value);
      price[op] = costOf(op, saved) / std::max(size, 1.0);
    }
    llvm::stable_sort(candidates, [&](Operation *l, Operation *r) { return price[l] < price[r]; });
  }

  /// The smallest number of dropped candidates that fits, by bisection.
  LogicalResult run() {
    if (estimate(0) <= bytes)
      return success();
    size_t low = 0, high = candidates.size();
    if (int64_t least = estimate(high); least > bytes)
      return function.emitError("expected a memory budget of at least ")
             << least << " bytes even when everything is computed again, found " << bytes;
    while (high - low > 1) {
      size_t middle = (low + high) / 2;
      (estimate(middle) <= bytes ? high : low) = middle;
    }
    rematerialize(block, kept(candidates, always, high));
    return success();
  }

private:
  /// Variables and arguments, which are there whatever is kept.
  int64_t fixedBytes() {
    int64_t sum = 0;
    for (Value argument : block.getArguments())
      sum += bytesOf(argument);
    // Scratch shares its memory with the temporaries of functions that use none.
    auto module = function->getParentOfType<ModuleOp>();
    DenseSet<Attribute> scratch;
    for (auto variable : module.getOps<VariableOp>())
      if (variable.getRole() == Role::Scratch)
        scratch.insert(variable.getSymNameAttr());
    bool usesScratch = llvm::any_of(block, [&](Operation &op) {
      auto symbol = op.getAttrOfType<FlatSymbolRefAttr>("variable");
      return symbol && scratch.contains(symbol.getAttr());
    });
    for (auto variable : module.getOps<VariableOp>()) {
      auto type = cast<RankedTensorType>(variable.getType());
      if (usesScratch || variable.getRole() != Role::Scratch)
        sum += llvm::alignTo(
            type.getNumElements() * std::max(1u, type.getElementTypeBitWidth() / 8), 128);
    }
    return sum;
  }

  static double costOf(Operation *op, const DenseSet<Operation *> &saved) {
    double cost = flopsOf(op);
    for (Value operand : op->getOperands())
      if (Operation *producer = operand.getDefiningOp(); producer && !saved.contains(producer))
        cost += costOf(producer, saved);
    return cost;
  }

  static DenseSet<Operation *> kept(ArrayRef<Operation *> candidates, ArrayRef<Operation *> always,
                                    size_t dropped) {
    DenseSet<Operation *> kept(always.begin(), always.end());
    kept.insert(candidates.begin() + dropped, candidates.end());
    return kept;
  }

  /// The planned bytes when the first `dropped` candidates are computed again, found on a copy.
  int64_t estimate(size_t dropped) {
    if (dropped == 0)
      return fixed + estimatePeak(block);
    IRMapping mapping;
    OwningOpRef<func::FuncOp> copy(cast<func::FuncOp>(function->clone(mapping)));
    auto mapped = [&](ArrayRef<Operation *> ops) {
      return llvm::map_to_vector(ops, [&](Operation *op) { return mapping.lookup(op); });
    };
    Block &body = copy->getBody().front();
    rematerialize(body, kept(mapped(candidates), mapped(always), dropped));
    return fixed + estimatePeak(body);
  }

  func::FuncOp function;
  Block &block;
  int64_t bytes, fixed = 0;
  std::vector<Operation *> candidates, always;
};

struct InsertRecomputePass : stc::impl::InsertRecomputeBase<InsertRecomputePass> {
  using InsertRecomputeBase::InsertRecomputeBase;

  void runOnOperation() override {
    if (policy != "none" && policy != "block" && policy != "budget") {
      getOperation().emitError("expected the recomputation policy none, block or budget, found ")
          << policy;
      return signalPassFailure();
    }
    if (failed(insert()))
      return signalPassFailure();
    getOperation().walk([](Operation *op) {
      op->removeDiscardableAttr(kBlockMark);
      op->removeDiscardableAttr(kBackwardMark);
    });
  }

  LogicalResult insert() {
    func::FuncOp function = getOperation();
    if (function.isExternal() || policy == "none")
      return success();
    Operation *backward = findBackward(function.getBody().front());
    if (!backward)
      return success();
    if (policy == "budget")
      return Budget(function, budget).run();
    DenseSet<Operation *> kept;
    for (Operation *op : savedOps(function.getBody().front()))
      if (crossesBlocks(op, backward))
        kept.insert(op);
    rematerialize(function.getBody().front(), kept);
    return success();
  }
};
} // namespace

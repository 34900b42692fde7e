//===- Differentiate.cpp - gradients in place of stc.gradient -------------===//
//
// Reverse-mode differentiation on values: each op on a path from a `wrt` value to an `of` value
// hands the gradients of its results to those of its operands, last op first.
//
//===----------------------------------------------------------------------===//

#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Rematerialize.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {
#define GEN_PASS_DEF_DIFFERENTIATE
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {
bool isFloat(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor && isa<FloatType>(tensor.getElementType());
}

/// Whether the op, or one in its regions, has an operand of the set.
bool readsAny(Operation &op, const DenseSet<Value> &values) {
  return op
      .walk([&](Operation *inner) {
        auto isOne = [&](Value operand) { return values.contains(operand); };
        return llvm::any_of(inner->getOperands(), isOne) ? WalkResult::interrupt()
                                                         : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Marks the ops of the backward pass, for recomputation.
struct MarkBackward : OpBuilder::Listener {
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    op->setAttr(kBackwardMark, UnitAttr::get(op->getContext()));
  }
};

class Differentiation {
public:
  explicit Differentiation(GradientOp op) : op(op), builder(op) { builder.setListener(&mark); }

  LogicalResult run() {
    // What lies between values of other blocks is not looked for.
    auto isElsewhere = [&](Value value) { return value.getParentBlock() != op->getBlock(); };
    if (llvm::any_of(op.getOf(), isElsewhere) || llvm::any_of(op.getWrt(), isElsewhere))
      return op.emitOpError("expected values of its own block");
    findActive();
    seed();
    for (Operation *current : llvm::reverse(path))
      if (failed(propagate(current)))
        return failure();
    SmallVector<Value> results;
    for (Value wrt : op.getWrt()) {
      Value grad = gradients.lookup(wrt);
      results.push_back(grad ? grad : splat(builder, op.getLoc(), wrt.getType(), 0));
    }
    op.replaceAllUsesWith(results);
    op.erase();
    return success();
  }

private:
  /// Values that depend on `wrt` through floats; `path` gets the ops between, in order, that matter
  /// to `of`.
  void findActive() {
    active.insert(op.getWrt().begin(), op.getWrt().end());
    SmallVector<Operation *> dependent;
    for (Operation &current : llvm::make_range(op->getBlock()->begin(), op->getIterator())) {
      if (isa<StopGradientOp>(current) || !readsAny(current, active))
        continue;
      auto results =
          llvm::make_filter_range(current.getResults(), [](Value v) { return isFloat(v); });
      if (results.empty())
        continue;
      active.insert(results.begin(), results.end());
      dependent.push_back(&current);
    }
    DenseSet<Value> needed(op.getOf().begin(), op.getOf().end());
    for (Operation *current : llvm::reverse(dependent)) {
      if (llvm::none_of(current->getResults(), [&](Value v) { return needed.contains(v); }))
        continue;
      path.push_back(current);
      needed.insert(current->operand_begin(), current->operand_end());
    }
    std::reverse(path.begin(), path.end());
  }

  void seed() {
    for (auto [k, of] : llvm::enumerate(op.getOf()))
      accumulate(of, op.getSeeds().empty() ? splat(builder, op.getLoc(), of.getType(), 1)
                                           : op.getSeeds()[k]);
  }

  void accumulate(Value value, Value gradient) {
    Value &sum = gradients[value];
    sum = sum ? arith::AddFOp::create(builder, gradient.getLoc(), sum, gradient).getResult()
              : gradient;
  }

  LogicalResult propagate(Operation *current) {
    SmallVector<Value> resultGrads = llvm::map_to_vector(
        current->getResults(), [&](Value result) { return gradients.lookup(result); });
    if (llvm::none_of(resultGrads, [](Value grad) { return bool(grad); }))
      return success();
    auto differentiable = dyn_cast<Differentiable>(current);
    if (!differentiable) {
      auto diagnostic =
          current->emitOpError("has no gradient, but the differentiated value depends on it");
      diagnostic.attachNote(op.getLoc()) << "differentiated here";
      return diagnostic;
    }
    SmallVector<Value> operandGrads(current->getNumOperands());
    if (failed(differentiable.buildGradient(builder, resultGrads, operandGrads)))
      return failure();
    for (auto [operand, grad] : llvm::zip(current->getOperands(), operandGrads))
      if (grad && active.contains(operand))
        accumulate(operand, grad);
    return success();
  }

  GradientOp op;
  MarkBackward mark;
  OpBuilder builder;
  DenseSet<Value> active;
  SmallVector<Operation *> path;
  DenseMap<Value, Value> gradients;
};

struct DifferentiatePass : stc::impl::DifferentiateBase<DifferentiatePass> {
  void runOnOperation() override {
    SmallVector<GradientOp> gradients;
    getOperation().walk([&](GradientOp op) { gradients.push_back(op); });
    for (GradientOp op : gradients)
      if (failed(Differentiation(op).run()))
        return signalPassFailure();
    getOperation().walk([](Operation *op) {
      if (!isa<StopGradientOp, PinOp>(op))
        return;
      op->replaceAllUsesWith(op->getOperands());
      op->erase();
    });
  }
};
} // namespace

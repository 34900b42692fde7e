//===- FuseSoftmax.cpp - one op for scores, softmax and aggregation -------===//

#include "compiler/Transforms/Passes.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/Matchers.h>
#include <mlir/IR/PatternMatch.h>
#include <mlir/Transforms/GreedyPatternRewriteDriver.h>

namespace stc {
#define GEN_PASS_DEF_FUSESOFTMAX
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {
/// The value that all elements of a constant have.
std::optional<double> splatValue(Value value) {
  DenseFPElementsAttr constant;
  if (!matchPattern(value, m_Constant(&constant)) || !constant.isSplat())
    return std::nullopt;
  return constant.getSplatValue<APFloat>().convertToDouble();
}

/// Follows multiplications and divisions by constants up to the scores; `scale` is their product.
/// None of them may be used otherwise, or the scores would be computed twice.
ScoresOp findScores(Value value, double &scale) {
  while (Operation *op = value.getDefiningOp()) {
    if (!value.hasOneUse())
      return {};
    if (auto scores = dyn_cast<ScoresOp>(op))
      return scores;
    if (!isa<arith::MulFOp, arith::DivFOp>(op))
      return {};
    if (auto right = splatValue(op->getOperand(1))) {
      scale = isa<arith::MulFOp>(op) ? scale * *right : scale / *right;
      value = op->getOperand(0);
      continue;
    }
    auto left = splatValue(op->getOperand(0));
    if (!left || isa<arith::DivFOp>(op))
      return {};
    scale *= *left;
    value = op->getOperand(1);
  }
  return {};
}

bool onlyAggregates(Value weights) {
  return llvm::all_of(weights.getUses(), [](OpOperand &use) {
    auto aggregate = dyn_cast<AggregateOp>(use.getOwner());
    return aggregate && !aggregate.getTranspose() && use.getOperandNumber() == 0;
  });
}

struct FuseAggregate : OpRewritePattern<AggregateOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AggregateOp op, PatternRewriter &rewriter) const override {
    auto softmax = op.getWeights().getDefiningOp<SoftmaxOp>();
    if (op.getTranspose() || !softmax)
      return failure();
    if (!onlyAggregates(softmax))
      return rewriter.notifyMatchFailure(softmax, "expected weights that are only aggregated");
    double scale = 1;
    ScoresOp scores = findScores(softmax.getScores(), scale);
    if (!scores)
      return rewriter.notifyMatchFailure(
          softmax, "expected the softmax of scores times constants and no other use of the scores");
    const Layout layout = op.getLayout();
    AttentionShape query(scores.getQuery(), layout);
    if (scores.getLayout() != layout || AttentionShape(scores.getKey(), layout).heads !=
                                            AttentionShape(op.getValue(), layout).heads)
      return rewriter.notifyMatchFailure(op, "expected keys and values of one layout and as many "
                                             "heads");
    auto logsumexp =
        RankedTensorType::get({query.batch, query.heads, query.positions}, rewriter.getF32Type());
    auto attention =
        AttentionOp::create(rewriter, op.getLoc(), op.getType(), logsumexp, scores.getQuery(),
                            scores.getKey(), op.getValue(), rewriter.getF32FloatAttr(scale),
                            patternOf(scores.getType()), op.getLayoutAttr());
    // It belongs to the residual block that the aggregate belongs to.
    attention->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    rewriter.replaceOp(op, attention.getOutput());
    return success();
  }
};

struct FuseSoftmaxPass : stc::impl::FuseSoftmaxBase<FuseSoftmaxPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseAggregate>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

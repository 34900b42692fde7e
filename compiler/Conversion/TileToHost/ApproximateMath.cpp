//===- ApproximateMath.cpp - elementary functions by arithmetic ------------===//

#include "compiler/Conversion/Passes.h"

#include <mlir/Dialect/Arith/Transforms/Passes.h>
#include <mlir/Dialect/Math/Transforms/Passes.h>
#include <mlir/Transforms/GreedyPatternRewriteDriver.h>

namespace stc {
#define GEN_PASS_DEF_APPROXIMATEMATHONHOST
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// Whether LLVM makes instructions of the op, and no call.
static bool isInstruction(Operation *op) {
  return isa<math::SqrtOp, math::RsqrtOp, math::AbsFOp, math::AbsIOp, math::FmaOp, math::FloorOp,
             math::CeilOp, math::RoundEvenOp, math::TruncOp, math::CopySignOp, math::CtPopOp,
             math::CountLeadingZerosOp, math::CountTrailingZerosOp>(op);
}

namespace {
struct ApproximateMathOnHostPass : stc::impl::ApproximateMathOnHostBase<ApproximateMathOnHostPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    // Functions without a polynomial of their own become exponentials and logarithms.
    math::populateExpansionPatterns(
        patterns, {"sinh", "cosh", "asinh", "acosh", "atanh", "exp2", "powf", "fpowi"});
    populateMathF32ExpansionPatterns(patterns, [](StringRef) { return true; });
    // That of the reciprocal root wants a dialect of x86 intrinsics; a root and a division are
    // exact.
    populateMathPolynomialApproximationPatterns(
        patterns, [](StringRef name) { return !name.ends_with("rsqrt"); });
    arith::populateArithExpandOpsPatterns(patterns);
    arith::populateExpandBFloat16Patterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (!isa<math::MathDialect>(op->getDialect()) || isInstruction(op))
        return WalkResult::advance();
      op->emitError("expected a function of f32 or narrower, which the host target has; found '")
          << op->getName() << "' of " << getElementTypeOrSelf(op->getOperand(0));
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace

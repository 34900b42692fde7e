//===- ApproximateMath.cpp - elementary functions by arithmetic ------------===//

#include "compiler/Conversion/Math/ApproximateMath.h"

#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/Dialect/Math/Transforms/Passes.h>

using namespace mlir;
using namespace stc;

/// Whether LLVM makes instructions of the op, and no call.
static bool isInstruction(Operation *op) {
  return isa<math::SqrtOp, math::RsqrtOp, math::AbsFOp, math::AbsIOp, math::FmaOp, math::FloorOp,
             math::CeilOp, math::RoundEvenOp, math::TruncOp, math::CopySignOp, math::CtPopOp,
             math::CountLeadingZerosOp, math::CountTrailingZerosOp>(op);
}

void stc::populateApproximateMath(RewritePatternSet &patterns,
                                  function_ref<bool(StringRef)> isOwn) {
  // Functions without a polynomial of their own become exponentials and logarithms.
  SmallVector<StringRef> expanded;
  for (StringRef name : {"sinh", "cosh", "asinh", "acosh", "atanh", "exp2", "powf", "fpowi"})
    if (!isOwn(("math." + name).str()))
      expanded.push_back(name);
  math::populateExpansionPatterns(patterns, expanded);
  populateMathF32ExpansionPatterns(patterns, [](StringRef) { return true; });
  populateSineAndCosine(patterns);
  populateMathPolynomialApproximationPatterns(patterns, [&](StringRef name) {
    return name != "math.sin" && name != "math.cos" && !isOwn(name);
  });
}

LogicalResult stc::checkMath(Operation *root, StringRef target) {
  WalkResult result = root->walk([&](Operation *op) {
    if (!isa<math::MathDialect>(op->getDialect()) || isInstruction(op))
      return WalkResult::advance();
    op->emitError("expected a function of f32 or narrower, which the ")
        << target << " target has; found '" << op->getName() << "' of "
        << getElementTypeOrSelf(op->getOperand(0));
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

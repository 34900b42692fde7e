//===- ApproximateMath.cpp - elementary functions on the host --------------===//

#include "compiler/Conversion/Math/ApproximateMath.h"
#include "compiler/Conversion/Passes.h"

#include <mlir/Dialect/Arith/Transforms/Passes.h>
#include <mlir/Transforms/DialectConversion.h>
#include <mlir/Transforms/GreedyPatternRewriteDriver.h>

namespace stc {
#define GEN_PASS_DEF_APPROXIMATEMATHONHOST
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// Arithmetic of bfloat16 in f32, rounded after each op, as LLVM would do it on a CPU that has
/// instructions for the rounding.
static LogicalResult widenBFloat16(Operation *root) {
  MLIRContext *context = root->getContext();
  TypeConverter converter;
  arith::populateEmulateUnsupportedFloatsConversions(converter, {BFloat16Type::get(context)},
                                                     Float32Type::get(context));
  RewritePatternSet patterns(context);
  arith::populateEmulateUnsupportedFloatsPatterns(patterns, converter);
  ConversionTarget target(*context);
  arith::populateEmulateUnsupportedFloatsLegality(target, converter);
  return applyPartialConversion(root, target, std::move(patterns));
}

namespace {
struct ApproximateMathOnHostPass : stc::impl::ApproximateMathOnHostBase<ApproximateMathOnHostPass> {
  void runOnOperation() override {
    if (failed(widenBFloat16(getOperation())))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    // The polynomial of the reciprocal root wants a dialect of x86 intrinsics; a root and a
    // division are exact.
    populateApproximateMath(patterns, [](StringRef name) { return name == "math.rsqrt"; });
    arith::populateArithExpandOpsPatterns(patterns);
    arith::populateExpandBFloat16Patterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))) ||
        failed(checkMath(getOperation(), "host")))
      signalPassFailure();
  }
};
} // namespace

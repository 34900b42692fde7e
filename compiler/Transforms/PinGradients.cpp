//===- PinGradients.cpp - what gradients are taken of stays apart ---------===//

#include "compiler/Transforms/Passes.h"

namespace stc {
#define GEN_PASS_DEF_PINGRADIENTS
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// An argument is equal to nothing else.
static bool needsPin(Value value) {
  return !isa<BlockArgument>(value) && !value.getDefiningOp<PinOp>();
}

namespace {
struct PinGradientsPass : stc::impl::PinGradientsBase<PinGradientsPass> {
  void runOnOperation() override {
    llvm::SetVector<Value> values;
    getOperation().walk([&](GradientOp op) {
      auto wrt = llvm::make_filter_range(op.getWrt(), needsPin);
      values.insert(wrt.begin(), wrt.end());
    });
    OpBuilder builder(&getContext());
    for (Value value : values) {
      builder.setInsertionPointAfterValue(value);
      auto identity = DistinctAttr::create(builder.getUnitAttr());
      auto pin = PinOp::create(builder, value.getLoc(), value.getType(), value, identity);
      value.replaceAllUsesExcept(pin, pin);
    }
  }
};
} // namespace

//===- WidenProducts.cpp - products for targets without narrow floats -----===//

#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Rematerialize.h"
#include "compiler/Transforms/Retype.h"

namespace stc {
#define GEN_PASS_DEF_WIDENPRODUCTS
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// Parts that are each rounded and then joined are joined and then rounded, so that attention can
/// write its gradients where they stand side by side.
static void roundOnce(ConcatOp concat) {
  auto wideType = [](Value value) {
    return cast<RankedTensorType>(value.getType()).clone(Float32Type::get(value.getContext()));
  };
  auto roundedOf = [](Value part) {
    auto reshape = part.getDefiningOp<ReshapeOp>();
    return (reshape ? Value(reshape.getInput()) : part).getDefiningOp<arith::TruncFOp>();
  };
  for (Value part : concat.getInputs())
    if (auto rounded = roundedOf(part); !rounded || !getElementTypeOrSelf(rounded.getIn()).isF32())
      return;
  CopyMarks marks(concat);
  OpBuilder builder(concat, &marks);
  auto parts = llvm::map_to_vector(concat.getInputs(), [&](Value part) -> Value {
    Value wide = roundedOf(part).getIn();
    if (wide.getType() == wideType(part))
      return wide;
    return ReshapeOp::create(builder, part.getLoc(), wideType(part), wide);
  });
  auto joined = ConcatOp::create(builder, concat.getLoc(), wideType(concat), parts);
  auto rounded = arith::TruncFOp::create(builder, concat.getLoc(), concat.getType(), joined);
  concat.replaceAllUsesWith(rounded.getOut());
  concat.erase();
}

namespace {
struct WidenProductsPass : stc::impl::WidenProductsBase<WidenProductsPass> {
  void runOnOperation() override {
    Builder builder(&getContext());
    getOperation().walk([&](Block *block) {
      for (Type type : {Type(builder.getBF16Type()), Type(builder.getF16Type())})
        widen(*block, type);
      for (auto concat : llvm::make_early_inc_range(block->getOps<ConcatOp>()))
        roundOnce(concat);
      eraseDeadCasts(*block);
    });
  }

  /// The backward pass makes its own casts, so that what it needs of the forward pass is kept
  /// narrow.
  void widen(Block &block, Type type) {
    Type wide = Float32Type::get(&getContext());
    Retyper forward(type, wide), backward(type, wide);
    for (Operation &op : llvm::make_early_inc_range(block))
      if (isa<MatmulOp, AttentionOp, AttentionGradOp, AttentionChunkOp, AttentionChunkGradOp,
              AttentionRowOp>(op) &&
          (getElementTypeOrSelf(op.getOperand(0)) == type ||
           getElementTypeOrSelf(op.getResult(0)) == type))
        (op.hasAttr(kBackwardMark) ? backward : forward).retype(&op);
  }
};
} // namespace

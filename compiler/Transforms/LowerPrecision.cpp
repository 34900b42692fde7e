//===- LowerPrecision.cpp - products of narrow floats ---------------------===//
//
// Mixed precision as in the paper (Sec. 5.6): dense products and attention take narrow operands,
// all else stays float32, and so does attention to keys that are kept for sampling. Rounding is an
// op of its own, so that gradients are rounded at the same places; only sampling, which has none,
// rounds its outputs itself.
//
//===----------------------------------------------------------------------===//

#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Retype.h"

namespace stc {
#define GEN_PASS_DEF_LOWERPRECISION
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// Whether the keys are kept in a variable, where each query that is sampled after them finds them.
static bool keepsKeys(Operation &op) {
  auto attention = dyn_cast<AttentionOp>(op);
  return attention && llvm::any_of(attention.getKey().getUsers(), llvm::IsaPred<WriteOp>);
}

static bool isFloat32Product(Operation &op) {
  return isa<MatmulOp, AttentionOp>(op) && getElementTypeOrSelf(op.getOperand(0)).isF32() &&
         !keepsKeys(op);
}

/// Attention of one query writes what all its readers round to, instead of that.
static void roundOutput(AttentionRowOp op, Type type) {
  auto isRounded = [&](Operation *user) {
    return isa<arith::TruncFOp>(user) && getElementTypeOrSelf(user->getResult(0)) == type;
  };
  if (op->use_empty() || !llvm::all_of(op->getUsers(), isRounded))
    return;
  op.getOutput().setType(op.getType().clone(type));
  for (Operation *user : llvm::make_early_inc_range(op->getUsers())) {
    user->replaceAllUsesWith(op);
    user->erase();
  }
}

namespace {
struct LowerPrecisionPass : stc::impl::LowerPrecisionBase<LowerPrecisionPass> {
  using LowerPrecisionBase::LowerPrecisionBase;

  void runOnOperation() override {
    Builder builder(&getContext());
    Type type = floatNamed(compute, &getContext());
    if (!type) {
      getOperation().emitError("expected the type of products to be f32, bf16 or f16, found ")
          << compute;
      return signalPassFailure();
    }
    if (type.isF32())
      return;
    getOperation().walk([&](Block *block) {
      // Each op has casts of its own, so that the gradients of a value that several ops read are
      // added up in float32.
      for (Operation &op : llvm::make_early_inc_range(*block))
        if (isFloat32Product(op))
          Retyper(builder.getF32Type(), type).retype(&op);
      eraseDeadCasts(*block);
      for (auto row : block->getOps<AttentionRowOp>())
        roundOutput(row, type);
    });
  }
};
} // namespace

//===- BoundIndices.cpp - what indices in arguments have to be below -------===//

#include "compiler/Transforms/Passes.h"
#include "dialects/Stc/Stc.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {
#define GEN_PASS_DEF_BOUNDINDICES
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// From how many rows or positions a use of a value chooses one for each element.
static std::optional<int64_t> boundOf(OpOperand &use) {
  auto sizeOf = [](Value value, unsigned dim) {
    return cast<RankedTensorType>(value.getType()).getDimSize(dim);
  };
  auto only = [&](OpOperand &index, int64_t size) {
    return &index == &use ? std::optional(size) : std::nullopt;
  };
  return TypeSwitch<Operation *, std::optional<int64_t>>(use.getOwner())
      .Case([&](GatherOp op) { return only(op.getIndicesMutable(), sizeOf(op.getTable(), 0)); })
      .Case(
          [&](ScatterAddOp op) { return only(op.getIndicesMutable(), sizeOf(op.getResult(), 0)); })
      .Case([&](InsertRowOp op) {
        return only(op.getPositionMutable(), sizeOf(op.getSequence(), 1));
      })
      .Case([&](AttentionRowOp op) {
        return only(op.getPositionMutable(), AttentionShape(op.getKey(), op.getLayout()).positions);
      })
      .Default(std::nullopt);
}

/// The least bound of all uses of a value, as it is or in another shape.
static std::optional<int64_t> leastBound(Value value) {
  std::optional<int64_t> least;
  for (OpOperand &use : value.getUses()) {
    std::optional<int64_t> bound = boundOf(use);
    if (isa<ReshapeOp, BroadcastOp>(use.getOwner()))
      bound = leastBound(use.getOwner()->getResult(0));
    if (bound && (!least || *bound < *least))
      least = bound;
  }
  return least;
}

namespace {
struct BoundIndicesPass : stc::impl::BoundIndicesBase<BoundIndicesPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    Builder builder(&getContext());
    for (BlockArgument argument : function.getArguments()) {
      std::optional<int64_t> bound = leastBound(argument);
      Attribute written = function.getArgAttr(argument.getArgNumber(), kBelow);
      auto given = dyn_cast_or_null<IntegerAttr>(written);
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      if (written && !(given && given.getInt() > 0 && type && type.getElementType().isInteger())) {
        function.emitError("expected stc.below to be a positive integer, of an argument of "
                           "integers, found ")
            << written << " of " << argument.getType();
        return signalPassFailure();
      }
      if (bound && (!given || *bound < given.getInt()))
        function.setArgAttr(argument.getArgNumber(), kBelow, builder.getI64IntegerAttr(*bound));
    }
  }
};
} // namespace

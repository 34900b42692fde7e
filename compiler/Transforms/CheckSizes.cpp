//===- CheckSizes.cpp - no tensor that nothing can hold -------------------===//

#include "compiler/Transforms/Passes.h"

namespace stc {
#define GEN_PASS_DEF_CHECKSIZES
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// What an x86-64 process can address, 2^47: sums of many such sizes stay far from 2^63.
static constexpr int64_t mostBytes = int64_t(1) << 47;

/// Whether a tensor of static shape is larger. A pattern's tensor never stands in memory.
static bool isTooLarge(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || tensor.getEncoding() ||
      !tensor.getElementType().isIntOrFloat() || llvm::is_contained(tensor.getShape(), 0))
    return false;
  int64_t bytes = llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
  for (int64_t size : tensor.getShape())
    if (__builtin_mul_overflow(bytes, size, &bytes))
      return true;
  return bytes > mostBytes;
}

namespace {
struct CheckSizesPass : stc::impl::CheckSizesBase<CheckSizesPass> {
  void runOnOperation() override {
    auto check = [&](Location loc, Type type) {
      if (!isTooLarge(type))
        return WalkResult::advance();
      emitError(loc) << "expected tensors of at most 2^47 bytes, which is all that a process can "
                        "address, found "
                     << type;
      return WalkResult::interrupt();
    };
    WalkResult result = getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto variable = dyn_cast<VariableOp>(op))
        return check(op->getLoc(), variable.getType());
      for (Region &region : op->getRegions())
        for (BlockArgument argument : region.getArguments())
          if (check(argument.getLoc(), argument.getType()).wasInterrupted())
            return WalkResult::interrupt();
      for (Type type : op->getResultTypes())
        if (check(op->getLoc(), type).wasInterrupted())
          return WalkResult::interrupt();
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace

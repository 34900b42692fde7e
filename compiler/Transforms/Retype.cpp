//===- Retype.cpp - ops over another type of floats -----------------------===//

#include "compiler/Transforms/Retype.h"

using namespace mlir;
using namespace stc;

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

Value createCast(OpBuilder &builder, Value value, Type type) {
  Type element = cast<RankedTensorType>(type).getElementType();
  if (typeOf(value).getElementTypeBitWidth() > element.getIntOrFloatBitWidth())
    return arith::TruncFOp::create(builder, value.getLoc(), type, value);
  return arith::ExtFOp::create(builder, value.getLoc(), type, value);
}
} // namespace

Value Retyper::convert(Value value, OpBuilder &builder) {
  if (Value found = converted.lookup(value))
    return found;
  Type type = typeOf(value).clone(to);
  Operation *op = value.getDefiningOp();
  // The gradient with respect to a value is found through what uses that value.
  if (llvm::any_of(value.getUsers(), llvm::IsaPred<GradientOp>))
    op = nullptr;
  if (auto reshape = dyn_cast_if_present<ReshapeOp>(op)) {
    Value whole = convert(reshape.getInput(), builder);
    return converted[value] = ReshapeOp::create(builder, reshape.getLoc(), type, whole);
  }
  if (auto split = dyn_cast_if_present<SplitOp>(op)) {
    auto types = llvm::map_to_vector(split.getResults(),
                                     [&](Value part) -> Type { return typeOf(part).clone(to); });
    auto parts =
        SplitOp::create(builder, split.getLoc(), types, convert(split.getInput(), builder));
    for (auto [part, convertedPart] : llvm::zip(split.getResults(), parts.getResults()))
      converted[part] = convertedPart;
    return converted[value];
  }
  // What was widened before is exact.
  if (auto widened = dyn_cast_if_present<arith::ExtFOp>(op);
      widened && widened.getIn().getType() == type)
    return widened.getIn();
  return converted[value] = createCast(builder, value, type);
}

void Retyper::retype(Operation *op) {
  CopyMarks marks(op);
  OpBuilder builder(op, &marks);
  auto operands = llvm::map_to_vector(op->getOperands(), [&](Value operand) {
    return typeOf(operand).getElementType() == from ? convert(operand, builder) : operand;
  });
  Operation *other = builder.clone(*op);
  other->setOperands(operands);
  auto attention = dyn_cast<AttentionOp>(op);
  for (auto [result, replacement] : llvm::zip(op->getResults(), other->getResults())) {
    auto type = typeOf(result);
    Value value = replacement;
    if (type.getElementType() == from && !(attention && result == attention.getLogsumexp())) {
      replacement.setType(type.clone(to));
      value = createCast(builder, replacement, type);
    }
    result.replaceAllUsesWith(value);
  }
  op->erase();
}

Type stc::floatNamed(StringRef name, MLIRContext *context) {
  Builder builder(context);
  return llvm::StringSwitch<Type>(name)
      .Case("f32", builder.getF32Type())
      .Case("bf16", builder.getBF16Type())
      .Case("f16", builder.getF16Type())
      .Default(Type());
}

void stc::eraseDeadCasts(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isa<ReshapeOp, SplitOp, arith::ExtFOp, arith::TruncFOp>(op) && op.use_empty())
      op.erase();
}

//===- Divide.cpp - integer division that is defined for all operands -----===//

#include "compiler/Conversion/StcToTile/Divide.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/ImplicitLocOpBuilder.h>
#include <mlir/IR/Matchers.h>

using namespace mlir;
using namespace stc;

namespace {
enum class Kind { Other, Quotient, Remainder };

struct Division {
  Kind kind = Kind::Other;
  bool isSigned = false;
};

Division divisionOf(StringRef op) {
  return llvm::StringSwitch<Division>(op)
      .Cases({"arith.divsi", "arith.floordivsi", "arith.ceildivsi"}, {Kind::Quotient, true})
      .Cases({"arith.divui", "arith.ceildivui"}, {Kind::Quotient, false})
      .Case("arith.remsi", {Kind::Remainder, true})
      .Case("arith.remui", {Kind::Remainder, false})
      .Default({});
}

/// Whether every dividend has a quotient by this value.
bool dividesAll(Value divisor, bool isSigned) {
  APInt constant;
  return matchPattern(divisor, m_ConstantInt(&constant)) && !constant.isZero() &&
         !(isSigned && constant.isAllOnes());
}
} // namespace

Value stc::emitElementwise(OpBuilder &builder, OperationState &state) {
  Division division = divisionOf(state.name.getStringRef());
  if (division.kind == Kind::Other || dividesAll(state.operands[1], division.isSigned))
    return builder.create(state)->getResult(0);

  ImplicitLocOpBuilder b(state.location, builder);
  Value x = state.operands[0], y = state.operands[1];
  unsigned width = x.getType().getIntOrFloatBitWidth();
  auto constant = [&](const APInt &value) -> Value {
    return arith::ConstantOp::create(b, b.getIntegerAttr(x.getType(), value));
  };
  auto equal = [&](Value value, const APInt &number) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, value, constant(number));
  };
  Value isZero = equal(y, APInt::getZero(width)), undefined = isZero;
  if (division.isSigned) {
    Value overflows = arith::AndIOp::create(b, equal(x, APInt::getSignedMinValue(width)),
                                            equal(y, APInt::getAllOnes(width)));
    undefined = arith::OrIOp::create(b, isZero, overflows);
  }
  // The least number divided by 1 is what it is divided by -1.
  state.operands[1] = arith::SelectOp::create(b, undefined, constant(APInt(width, 1)), y);
  Value result = builder.create(state)->getResult(0);
  Value byZero = division.kind == Kind::Quotient ? constant(APInt::getAllOnes(width)) : x;
  return arith::SelectOp::create(b, isZero, byZero, result);
}

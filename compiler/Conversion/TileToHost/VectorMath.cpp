//===- VectorMath.cpp - elementary functions in vector code ---------------===//

#include "compiler/Conversion/TileToHost/VectorMath.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Vector/IR/VectorOps.h>

using namespace mlir;

Value stc::emitExp2(ImplicitLocOpBuilder &b, Value x) {
  auto type = cast<VectorType>(x.getType());
  auto intType = VectorType::get(type.getShape(), b.getI32Type());
  auto constant = [&](float value) -> Value {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, value));
  };
  // In a float of this size the last bit is worth 1, so that adding it rounds x to a whole number
  // n; the low bits are then those of n + 127, the exponent of 2^n.
  Value shift = constant(0x1.8p23f + 127);
  Value shifted = arith::AddFOp::create(b, x, shift);
  Value fraction =
      arith::SubFOp::create(b, x, arith::SubFOp::create(b, shifted, shift).getResult());
  // Minimax polynomial of 2^f on [-1/2, 1/2], relative error 7.5e-8 (least squares at Chebyshev
  // nodes, reweighted to equal error).
  constexpr float coefficients[] = {1.00000012f,   0.693146944f,   0.240221202f,
                                    0.0555071309f, 0.00967554096f, 0.00132764725f};
  Value y = constant(coefficients[5]);
  for (int degree = 4; degree >= 0; --degree)
    y = vector::FMAOp::create(b, fraction, y, constant(coefficients[degree]));
  Value power = arith::ShLIOp::create(
      b, arith::BitcastOp::create(b, intType, shifted),
      arith::ConstantOp::create(b, DenseElementsAttr::get(intType, int32_t(23))));
  y = arith::MulFOp::create(b, y, arith::BitcastOp::create(b, type, power).getResult());
  Value keep = arith::CmpFOp::create(b, arith::CmpFPredicate::UGE, x, constant(-126.0f));
  return arith::SelectOp::create(b, keep, y, constant(0.0f));
}

//===- VectorMath.cpp - elementary functions in vector code ---------------===//

#include "compiler/Conversion/TileToHost/VectorMath.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/Dialect/Vector/IR/VectorOps.h>

using namespace mlir;

Value stc::emitExp2(ImplicitLocOpBuilder &b, Value x) {
  auto type = cast<VectorType>(x.getType());
  auto intType = VectorType::get(type.getShape(), b.getI32Type());
  auto constant = [&](float value) -> Value {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, value));
  };
  // A comparison and a select are one maxps; arith.maximumf would be six instructions.
  Value low = constant(-126.0f);
  x = arith::SelectOp::create(b, arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, low), x,
                              low);
  Value whole = math::RoundEvenOp::create(b, x);
  Value fraction = arith::SubFOp::create(b, x, whole);
  // Minimax polynomial of 2^f on [-1/2, 1/2], relative error 7.5e-8 (least squares at Chebyshev
  // nodes, reweighted to equal error).
  constexpr float coefficients[] = {1.00000012f,   0.693146944f,   0.240221202f,
                                    0.0555071309f, 0.00967554096f, 0.00132764725f};
  Value y = constant(coefficients[5]);
  for (int degree = 4; degree >= 0; --degree)
    y = vector::FMAOp::create(b, fraction, y, constant(coefficients[degree]));
  Value exponent = arith::ShLIOp::create(
      b, arith::FPToSIOp::create(b, intType, whole),
      arith::ConstantOp::create(b, DenseElementsAttr::get(intType, int32_t(23))));
  Value bits = arith::AddIOp::create(b, arith::BitcastOp::create(b, intType, y), exponent);
  return arith::BitcastOp::create(b, type, bits);
}

//===- SineAndCosine.cpp - sine and cosine of f32 by arithmetic -----------===//
//
// MLIR's polynomials take the quadrant by a floor, so that a small negative argument lies at the
// far end of one, where its sine has the error of a number near 1. Here the nearest multiple of
// pi/2 is taken away, in three parts of pi/2 (Cody and Waite, "Software Manual for the Elementary
// Functions", 1980), and what is left, in [-pi/4, pi/4], goes into the polynomials of Cephes' sinf
// and cosf (S. Moshier). FunctionsTest measures the error for arguments of up to 10,000.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/Math/ApproximateMath.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Math/IR/Math.h>

#include <numbers>

using namespace mlir;
using namespace stc;

namespace {
/// Ops on scalars or vectors of f32.
class Floats {
public:
  Floats(OpBuilder &builder, Location loc, Type type) : b(loc, builder), type(type) {}

  Value constant(float value) {
    TypedAttr number = b.getF32FloatAttr(value);
    if (auto shaped = dyn_cast<ShapedType>(type))
      number = DenseElementsAttr::get(shaped, value);
    return arith::ConstantOp::create(b, number);
  }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(b, x, y, z); }
  Value fma(Value x, float y, Value z) { return fma(x, constant(y), z); }
  Value nearest(Value x) { return math::RoundEvenOp::create(b, x); }
  Value floor(Value x) { return math::FloorOp::create(b, x); }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, condition, yes, no);
  }
  Value negated(Value x) { return arith::NegFOp::create(b, x); }
  Value isAtLeast(Value x, float y) {
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, x, constant(y));
  }
  Value polynomial(Value x, ArrayRef<float> highestFirst) {
    Value sum = constant(highestFirst.front());
    for (float coefficient : highestFirst.drop_front())
      sum = fma(sum, x, constant(coefficient));
    return sum;
  }

private:
  ImplicitLocOpBuilder b;
  Type type;
};

/// An argument as a multiple of pi/2 and what is left.
struct Reduced {
  Value multiple, rest;
};
} // namespace

static Reduced reduce(Floats &f, Value x) {
  constexpr double halfPi = std::numbers::pi / 2;
  constexpr float large = halfPi, middle = halfPi - large, small = halfPi - large - middle;
  Value multiple = f.nearest(f.mul(x, f.constant(1 / halfPi)));
  Value rest = f.fma(multiple, -large, x);
  rest = f.fma(multiple, -middle, rest);
  return {multiple, f.fma(multiple, -small, rest)};
}

/// The sine of what is left and `quarters` more times pi/2.
static Value sineOf(Floats &f, Reduced reduced, float quarters) {
  Value rest = reduced.rest, square = f.mul(rest, rest);
  Value sine = f.polynomial(square, {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f});
  sine = f.fma(f.mul(sine, square), rest, rest);
  Value cosine =
      f.polynomial(square, {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f});
  cosine = f.fma(f.fma(cosine, square, f.constant(-0.5f)), square, f.constant(1));
  // The quarter, from 0 to 3, in floats: the multiple may be too large for an integer, or a NaN.
  Value turned = f.add(reduced.multiple, f.constant(quarters));
  Value quarter = f.fma(f.floor(f.mul(turned, f.constant(0.25f))), -4, turned);
  Value half = f.floor(f.mul(quarter, f.constant(0.5f)));
  Value isOdd = f.isAtLeast(f.fma(half, -2, quarter), 1);
  Value result = f.select(isOdd, cosine, sine);
  return f.select(f.isAtLeast(quarter, 2), f.negated(result), result);
}

namespace {
template <typename Op> struct BySine : OpRewritePattern<Op> {
  BySine(MLIRContext *context, float quarters)
      : OpRewritePattern<Op>(context), quarters(quarters) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    Value x = op.getOperand();
    if (!getElementTypeOrSelf(x).isF32())
      return failure();
    Floats f(rewriter, op.getLoc(), x.getType());
    rewriter.replaceOp(op, sineOf(f, reduce(f, x), quarters));
    return success();
  }

  const float quarters;
};
} // namespace

void stc::populateSineAndCosine(RewritePatternSet &patterns) {
  patterns.add<BySine<math::SinOp>>(patterns.getContext(), 0.0f);
  patterns.add<BySine<math::CosOp>>(patterns.getContext(), 1.0f);
}

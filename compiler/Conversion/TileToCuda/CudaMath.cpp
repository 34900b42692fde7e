//===- CudaMath.cpp - elementary functions on a GPU -----------------------===//
//
// A GPU has 2^x, 1/x, roots and quotients of f32 that are wrong by one or two units in the last
// place, in one instruction or a few. What is built on them here is right to 1e-6 of the result;
// all other functions are the polynomials that every target has.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/Math/ApproximateMath.h"
#include "compiler/Conversion/Passes.h"

#include <mlir/Dialect/Arith/Transforms/Passes.h>
#include <mlir/Dialect/LLVMIR/LLVMDialect.h>
#include <mlir/Dialect/LLVMIR/NVVMDialect.h>
#include <mlir/Transforms/GreedyPatternRewriteDriver.h>

#include <limits>

namespace stc {
#define GEN_PASS_DEF_APPROXIMATEMATHONCUDA
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {
/// A function of f32 as ops that compute it.
class F32 {
public:
  F32(PatternRewriter &rewriter, Location loc) : b(loc, rewriter) {}

  Value constant(double value) {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(static_cast<float>(value)));
  }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value mul(Value x, double y) { return mul(x, constant(y)); }
  Value fma(Value x, Value y, Value z) { return LLVM::FMAOp::create(b, x, y, z); }
  Value intrinsic(StringRef name, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(b, b.getF32Type(), b.getStringAttr(name), operands)
        .getResult(0);
  }
  Value exp2(Value x) { return intrinsic("llvm.nvvm.ex2.approx.f32", x); }

  // e^x = 2^t (1 + r ln 2), where t + r is x / ln 2: t alone is off by up to 4e-6.
  Value exp(Value x) {
    constexpr double log2e = 1.4426950408889634;
    const auto high = static_cast<float>(log2e);
    // Beyond, the result is 0 or infinite, as it should be, and r stays finite.
    x = arith::MinimumFOp::create(b, arith::MaximumFOp::create(b, x, constant(-200)),
                                  constant(200));
    Value t = mul(x, high);
    Value r = fma(x, constant(high), arith::NegFOp::create(b, t));
    r = fma(x, constant(log2e - high), r);
    return mul(exp2(t), fma(r, constant(0.69314718055994531), constant(1)));
  }

  // 1 - 2 / (e^2|x| + 1) with the sign of x; near 0, where that cancels, a polynomial in x^2 (least
  // squares, reweighted to equal error: 4e-8).
  Value tanh(Value x) {
    Value size = math::AbsFOp::create(b, x);
    Value power = exp2(mul(size, 2.8853900817779268));
    Value inverse = NVVM::RcpApproxFtzF32Op::create(b, b.getF32Type(),
                                                    arith::AddFOp::create(b, power, constant(1)));
    Value far = math::CopySignOp::create(b, fma(inverse, constant(-2), constant(1)), x);
    Value square = mul(x, x), near = constant(0.0164375082);
    for (double coefficient : {-0.0526717678, 0.133207247, -0.333329469})
      near = fma(near, square, constant(coefficient));
    near = fma(mul(near, square), x, x);
    Value isNear = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, size, constant(0.55));
    return arith::SelectOp::create(b, isNear, near, far);
  }

private:
  ImplicitLocOpBuilder b;
};

template <typename Op> struct OwnFunction : OpRewritePattern<Op> {
  // Before the polynomials.
  OwnFunction(MLIRContext *context, Value (*build)(F32 &, ValueRange))
      : OpRewritePattern<Op>(context, /*benefit=*/10), build(build) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!op.getType().isF32())
      return failure();
    F32 f(rewriter, op.getLoc());
    rewriter.replaceOp(op, build(f, op->getOperands()));
    return success();
  }

  Value (*build)(F32 &, ValueRange);
};

struct ApproximateMathOnCudaPass : stc::impl::ApproximateMathOnCudaBase<ApproximateMathOnCudaPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.insert(std::make_unique<OwnFunction<math::ExpOp>>(
        context, [](F32 &f, ValueRange x) { return f.exp(x[0]); }));
    patterns.insert(std::make_unique<OwnFunction<math::Exp2Op>>(
        context, [](F32 &f, ValueRange x) { return f.exp2(x[0]); }));
    patterns.insert(std::make_unique<OwnFunction<math::TanhOp>>(
        context, [](F32 &f, ValueRange x) { return f.tanh(x[0]); }));
    patterns.insert(std::make_unique<OwnFunction<math::RsqrtOp>>(
        context, [](F32 &f, ValueRange x) { return f.intrinsic("llvm.nvvm.rsqrt.approx.f", x); }));
    patterns.insert(std::make_unique<OwnFunction<math::SqrtOp>>(
        context, [](F32 &f, ValueRange x) { return f.intrinsic("llvm.nvvm.sqrt.approx.f", x); }));
    patterns.insert(std::make_unique<OwnFunction<arith::DivFOp>>(
        context, [](F32 &f, ValueRange x) { return f.intrinsic("llvm.nvvm.div.full", x); }));
    populateApproximateMath(patterns, [](StringRef name) {
      return llvm::is_contained({"math.exp", "math.exp2", "math.tanh", "math.rsqrt"}, name);
    });
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))) ||
        failed(checkMath(getOperation(), "GPU")))
      signalPassFailure();
  }
};
} // namespace

//===- ArithGradients.cpp - gradients of elementwise arith and math ops ---===//
//
// The ops of arith and math on tensors implement stc's Differentiable from outside: one rule an op.
//
//===----------------------------------------------------------------------===//

#include "dialects/Stc/Stc.h"

using namespace mlir;
using namespace stc;

namespace {
/// What a rule sees: the op, the gradient of its result, and a builder with its location.
struct Rule {
  ImplicitLocOpBuilder &b;
  Operation *op;
  Value grad;

  Value x(unsigned index = 0) const { return op->getOperand(index); }
  Value y() const { return op->getResult(0); }
  Value constant(double value) const { return splat(b, b.getLoc(), grad.getType(), value); }
  Value mul(Value l, Value r) const { return arith::MulFOp::create(b, l, r); }
  Value add(Value l, Value r) const { return arith::AddFOp::create(b, l, r); }
  Value sub(Value l, Value r) const { return arith::SubFOp::create(b, l, r); }
  Value div(Value l, Value r) const { return arith::DivFOp::create(b, l, r); }
  Value neg(Value v) const { return arith::NegFOp::create(b, v); }
};

/// An external model whose rule is a function from Rule to the operands' gradients.
template <typename OpTy, SmallVector<Value, 3> (*rule)(const Rule &)>
struct Model : Differentiable::ExternalModel<Model<OpTy, rule>, OpTy> {
  LogicalResult buildGradient(Operation *op, OpBuilder &builder, ArrayRef<Value> grads,
                              MutableArrayRef<Value> result) const {
    ImplicitLocOpBuilder b(op->getLoc(), builder);
    b.setInsertionPoint(builder.getInsertionBlock(), builder.getInsertionPoint());
    llvm::copy(rule(Rule{b, op, grads[0]}), result.begin());
    return success();
  }
};

using Values = SmallVector<Value, 3>;
Values addRule(const Rule &r) { return {r.grad, r.grad}; }
Values subRule(const Rule &r) { return {r.grad, r.neg(r.grad)}; }
Values mulRule(const Rule &r) { return {r.mul(r.grad, r.x(1)), r.mul(r.grad, r.x(0))}; }
Values divRule(const Rule &r) {
  Value dx = r.div(r.grad, r.x(1));
  return {dx, r.neg(r.mul(dx, r.y()))};
}
Values negRule(const Rule &r) { return {r.neg(r.grad)}; }
Values selectRule(const Rule &r) {
  Value zero = r.constant(0);
  return {Value(), arith::SelectOp::create(r.b, r.x(0), r.grad, zero),
          arith::SelectOp::create(r.b, r.x(0), zero, r.grad)};
}
Values extRule(const Rule &r) { return {arith::TruncFOp::create(r.b, r.x().getType(), r.grad)}; }
Values truncRule(const Rule &r) { return {arith::ExtFOp::create(r.b, r.x().getType(), r.grad)}; }
Values expRule(const Rule &r) { return {r.mul(r.grad, r.y())}; }
Values logRule(const Rule &r) { return {r.div(r.grad, r.x())}; }
Values sqrtRule(const Rule &r) { return {r.div(r.mul(r.grad, r.constant(0.5)), r.y())}; }
Values rsqrtRule(const Rule &r) {
  return {r.mul(r.mul(r.grad, r.constant(-0.5)), r.mul(r.y(), r.mul(r.y(), r.y())))};
}
Values tanhRule(const Rule &r) {
  return {r.mul(r.grad, r.sub(r.constant(1), r.mul(r.y(), r.y())))};
}
Values sinRule(const Rule &r) { return {r.mul(r.grad, math::CosOp::create(r.b, r.x()))}; }
Values cosRule(const Rule &r) { return {r.neg(r.mul(r.grad, math::SinOp::create(r.b, r.x())))}; }
} // namespace

void stc::registerArithGradients(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *) {
    arith::AddFOp::attachInterface<Model<arith::AddFOp, addRule>>(*context);
    arith::SubFOp::attachInterface<Model<arith::SubFOp, subRule>>(*context);
    arith::MulFOp::attachInterface<Model<arith::MulFOp, mulRule>>(*context);
    arith::DivFOp::attachInterface<Model<arith::DivFOp, divRule>>(*context);
    arith::NegFOp::attachInterface<Model<arith::NegFOp, negRule>>(*context);
    arith::SelectOp::attachInterface<Model<arith::SelectOp, selectRule>>(*context);
    arith::ExtFOp::attachInterface<Model<arith::ExtFOp, extRule>>(*context);
    arith::TruncFOp::attachInterface<Model<arith::TruncFOp, truncRule>>(*context);
  });
  registry.addExtension(+[](MLIRContext *context, math::MathDialect *) {
    math::ExpOp::attachInterface<Model<math::ExpOp, expRule>>(*context);
    math::LogOp::attachInterface<Model<math::LogOp, logRule>>(*context);
    math::SqrtOp::attachInterface<Model<math::SqrtOp, sqrtRule>>(*context);
    math::RsqrtOp::attachInterface<Model<math::RsqrtOp, rsqrtRule>>(*context);
    math::TanhOp::attachInterface<Model<math::TanhOp, tanhRule>>(*context);
    math::SinOp::attachInterface<Model<math::SinOp, sinRule>>(*context);
    math::CosOp::attachInterface<Model<math::CosOp, cosRule>>(*context);
  });
}

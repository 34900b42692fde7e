//===- StcGradients.cpp - the stc dialect: vector-Jacobian products -------===//

#include "dialects/Stc/Stc.h"

#include <numeric>

using namespace mlir;
using namespace stc;

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

SmallVector<int64_t> otherDims(ArrayRef<int64_t> dims, int64_t rank) {
  SmallVector<int64_t> others;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(dims, dim))
      others.push_back(dim);
  return others;
}

Value zerosLike(OpBuilder &builder, Location loc, Value value) {
  return splat(builder, loc, value.getType(), 0);
}
} // namespace

LogicalResult BroadcastOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                         MutableArrayRef<Value> result) {
  SmallVector<int64_t> dims = otherDims(getDims(), typeOf(getResult()).getRank());
  result[0] = grads[0];
  if (!dims.empty())
    result[0] =
        ReduceOp::create(builder, getLoc(), getInput().getType(), Reduction::Sum, grads[0], dims);
  return success();
}

LogicalResult ReduceOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                      MutableArrayRef<Value> result) {
  if (getKind() != Reduction::Sum)
    return emitOpError("has no gradient for a maximum; stc.stop_gradient makes it a constant");
  SmallVector<int64_t> dims = otherDims(getDims(), typeOf(getInput()).getRank());
  result[0] = BroadcastOp::create(builder, getLoc(), getInput().getType(), grads[0], dims);
  return success();
}

LogicalResult PinOp::buildGradient(OpBuilder &, ArrayRef<Value> grads,
                                   MutableArrayRef<Value> result) {
  result[0] = grads[0];
  return success();
}

LogicalResult ReshapeOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                       MutableArrayRef<Value> result) {
  result[0] = ReshapeOp::create(builder, getLoc(), getInput().getType(), grads[0]);
  return success();
}

LogicalResult SplitOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                     MutableArrayRef<Value> result) {
  SmallVector<Value> parts;
  for (auto [part, grad] : llvm::zip(getResults(), grads))
    parts.push_back(grad ? grad : zerosLike(builder, getLoc(), part));
  result[0] = ConcatOp::create(builder, getLoc(), getInput().getType(), parts);
  return success();
}

LogicalResult ConcatOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                      MutableArrayRef<Value> result) {
  auto split = SplitOp::create(builder, getLoc(), getInputs().getTypes(), grads[0]);
  llvm::copy(split.getResults(), result.begin());
  return success();
}

LogicalResult MatmulOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                      MutableArrayRef<Value> result) {
  Value a = getLhs(), b = getRhs(), g = grads[0];
  bool ta = getTransposeLhs(), tb = getTransposeRhs();
  auto matmul = [&](Type type, Value x, Value y, bool tx, bool ty) -> Value {
    return MatmulOp::create(builder, getLoc(), type, x, y, tx, ty);
  };
  result[0] = ta ? matmul(a.getType(), b, g, tb, true) : matmul(a.getType(), g, b, false, !tb);
  // A shared right-hand side sums over the batch: one product over all rows.
  if (typeOf(b).getRank() == 2 && typeOf(a).getRank() > 2) {
    auto flatten = [&](Value x) -> Value {
      auto type = typeOf(x);
      auto flat = RankedTensorType::get(
          {type.getNumElements() / type.getShape().back(), type.getShape().back()},
          type.getElementType());
      return ReshapeOp::create(builder, getLoc(), flat, x);
    };
    a = flatten(a);
    g = flatten(g);
  }
  result[1] = tb ? matmul(b.getType(), g, a, true, ta) : matmul(b.getType(), a, g, !ta, false);
  return success();
}

LogicalResult GatherOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                      MutableArrayRef<Value> result) {
  result[0] = ScatterAddOp::create(builder, getLoc(), getTable().getType(), grads[0], getIndices());
  return success();
}

LogicalResult ScoresOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                      MutableArrayRef<Value> result) {
  result[0] = AggregateOp::create(builder, getLoc(), getQuery().getType(), grads[0], getKey(),
                                  /*transpose=*/false, getLayout());
  result[1] = AggregateOp::create(builder, getLoc(), getKey().getType(), grads[0], getQuery(),
                                  /*transpose=*/true, getLayout());
  return success();
}

LogicalResult SoftmaxOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                       MutableArrayRef<Value> result) {
  result[0] = SoftmaxGradOp::create(builder, getLoc(), getResult(), grads[0]);
  return success();
}

LogicalResult AggregateOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                         MutableArrayRef<Value> result) {
  Value query = grads[0], key = getValue();
  if (getTranspose())
    std::swap(query, key);
  result[0] = ScoresOp::create(builder, getLoc(), getWeights().getType(), query, key, getLayout());
  result[1] = AggregateOp::create(builder, getLoc(), getValue().getType(), getWeights(), grads[0],
                                  !getTranspose(), getLayout());
  return success();
}

LogicalResult AttentionOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                         MutableArrayRef<Value> result) {
  if (grads[1])
    return emitOpError("has no gradient through its log-sum-exp");
  auto grad = AttentionGradOp::create(builder, getLoc(), getQuery().getType(), getKey().getType(),
                                      getValue().getType(), getQuery(), getKey(), getValue(),
                                      getOutput(), getLogsumexp(), grads[0], getScaleAttr(),
                                      getPattern(), getLayoutAttr());
  llvm::copy(grad.getResults(), result.begin());
  return success();
}

//===----------------------------------------------------------------------===//
// Collectives: gradients of the sum of all devices' losses
//===----------------------------------------------------------------------===//

LogicalResult AllReduceOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                         MutableArrayRef<Value> result) {
  if (getKind() != Reduction::Sum)
    return emitOpError("has no gradient for a maximum; stc.stop_gradient makes it a constant");
  result[0] = AllReduceOp::create(builder, getLoc(), grads[0].getType(), getKind(), grads[0],
                                  getAxis(), getCount());
  return success();
}

LogicalResult AllGatherOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                         MutableArrayRef<Value> result) {
  if (isa<FloatType>(getType().getElementType()))
    result[0] = ReduceScatterOp::create(builder, getLoc(), getInput().getType(), grads[0], getDim(),
                                        getAxis(), getCount());
  return success();
}

LogicalResult ReduceScatterOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                             MutableArrayRef<Value> result) {
  result[0] = AllGatherOp::create(builder, getLoc(), getInput().getType(), grads[0], getDim(),
                                  getAxis(), getCount());
  return success();
}

LogicalResult AllToAllOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                        MutableArrayRef<Value> result) {
  if (isa<FloatType>(getType().getElementType()))
    result[0] =
        AllToAllOp::create(builder, getLoc(), getType(), grads[0], getDim(), getAxis(), getCount());
  return success();
}

// The device's own part of zeros: the part repeated for each device, where the number is its own.
LogicalResult AllSliceOp::buildGradient(OpBuilder &builder, ArrayRef<Value> grads,
                                        MutableArrayRef<Value> result) {
  RankedTensorType whole = getInput().getType(), part = getType();
  if (!isa<FloatType>(part.getElementType()))
    return success();
  SmallVector<int64_t> shape(part.getShape()), dims;
  shape.insert(shape.begin() + getDim(), getCount());
  for (int64_t dim = 0; dim < part.getRank(); ++dim)
    dims.push_back(dim + (dim >= int64_t(getDim())));
  auto parts = RankedTensorType::get(shape, part.getElementType());
  auto numbers = RankedTensorType::get(shape, builder.getI32Type());
  Value rank = RankOp::create(builder, getLoc(), getAxis(), getCount());
  Value isOwn = arith::CmpIOp::create(
      builder, getLoc(), arith::CmpIPredicate::eq,
      IotaOp::create(builder, getLoc(), numbers, getDim()),
      BroadcastOp::create(builder, getLoc(), numbers, rank, ArrayRef<int64_t>()));
  Value repeated = BroadcastOp::create(builder, getLoc(), parts, grads[0], dims);
  Value own = arith::SelectOp::create(builder, getLoc(), isOwn, repeated,
                                      zerosLike(builder, getLoc(), repeated));
  result[0] = ReshapeOp::create(builder, getLoc(), whole, own);
  return success();
}

//===- DynamicSizes.cpp - functions whose sizes each call gives -----------===//

#include "compiler/Conversion/StcToTile/DynamicSizes.h"

#include <limits>
#include <numeric>

using namespace mlir;
using namespace stc;

void DynamicSizes::add(const Twine &name, int64_t example) {
  names.push_back(name.str());
  values.push_back(example);
  multiples.push_back(1);
}

// Kernels move 16 bytes at once, where rows are multiples of that.
void DynamicSizes::addStrides(StringRef name, Value tensor, Layout layout) {
  auto type = cast<RankedTensorType>(tensor.getType());
  AttentionShape shape(tensor, layout);
  tensors[tensor] = {unsigned(names.size()), shape.heads != values[2]};
  const bool isHeadMajor = layout == Layout::HeadMajor;
  const int64_t rows = shape.positions * shape.heads;
  const int64_t pieces = 16 / (type.getElementTypeBitWidth() / 8);
  add(name + ".batch", rows * shape.size);
  add(name + ".position", (isHeadMajor ? 1 : shape.heads) * shape.size);
  add(name + ".head", (isHeadMajor ? shape.positions : 1) * shape.size);
  for (int64_t &each : MutableArrayRef(multiples).take_back(3))
    each = std::gcd(pieces, shape.size);
}

template <typename Op> FailureOr<std::optional<DynamicSizes>> DynamicSizes::of(Op op) {
  auto function = op->template getParentOfType<func::FuncOp>();
  if (!function || !function->hasAttr(kDynamic))
    return std::optional<DynamicSizes>();
  auto result = dyn_cast<func::ReturnOp>(*std::next(op->getIterator()));
  if (&function.getBody().front().front() != op || !result ||
      ValueRange(function.getArguments()) != op->getOperands() ||
      result.getOperands() != op->getResults())
    return op->emitOpError("expected to be all of a function of dynamic sizes: operands that are "
                           "its arguments and results that are its own, in this order");
  DynamicSizes sizes(op.getContext());
  AttentionShape query(op.getQuery(), op.getLayout()), key(op.getKey(), op.getLayout());
  sizes.add("batch", query.batch);
  sizes.add("positions", query.positions);
  sizes.add("heads", query.heads);
  sizes.add("key_heads", key.heads);
  auto addAll = [&](StringRef name, ValueRange tensors) {
    for (auto [k, tensor] : llvm::enumerate(tensors))
      if (cast<RankedTensorType>(tensor.getType()).getRank() == 4)
        sizes.addStrides((name + Twine(k)).str(), tensor, op.getLayout());
  };
  addAll("arg", op->getOperands());
  addAll("result", op->getResults());
  return std::optional(std::move(sizes));
}
template FailureOr<std::optional<DynamicSizes>> DynamicSizes::of(AttentionOp);
template FailureOr<std::optional<DynamicSizes>> DynamicSizes::of(AttentionGradOp);

SmallVector<AffineExpr, 4> DynamicSizes::shape(Value tensor) const {
  const int64_t elements = cast<RankedTensorType>(tensor.getType()).getDimSize(3);
  return {batch(), positions(), tensors.at(tensor).hasKeyHeads ? keyHeads() : heads(),
          getAffineConstantExpr(elements, context)};
}

SmallVector<AffineExpr, 4> DynamicSizes::strides(Value tensor) const {
  const unsigned first = tensors.at(tensor).firstStride;
  return {size(first), size(first + 1), size(first + 2), getAffineConstantExpr(1, context)};
}

AffineExpr DynamicSizes::bytes(RankedTensorType type) const {
  const int64_t elementBytes = type.getElementTypeBitWidth() / 8;
  if (type.getRank() == 3)
    return batch() * positions() * heads() * elementBytes;
  const int64_t size = type.getDimSize(3);
  const int64_t ofType = type.getNumElements() / (values[0] * values[1] * size);
  return batch() * positions() * (ofType == values[2] ? heads() : keyHeads()) *
         (size * elementBytes);
}

AffineMapAttr DynamicSizes::map(ArrayRef<AffineExpr> results) const {
  return AffineMapAttr::get(AffineMap::get(0, values.size(), results, context));
}

LogicalResult DynamicSizes::finish(func::FuncOp function) const {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  constexpr int64_t mostElements = int64_t(1) << 46;
  const int64_t positions = values[1];
  if (positions % multiple != 0)
    return function.emitOpError("expected a number of positions that is a multiple of ")
           << multiple << ", the periods of the pattern, found " << positions;
  SmallVector<Attribute> parameters;
  auto add = [&](int64_t multiple, int64_t most) {
    const unsigned k = parameters.size();
    parameters.push_back(tile::ParameterAttr::get(context, names[k], values[k], multiple, most));
  };
  add(1, most);
  add(arePositionsFixed ? positions : multiple, positions);
  for (unsigned k : {2, 3})
    areHeadsFixed ? add(values[k], values[k]) : add(1, most);
  for (unsigned k = 4; k < names.size(); ++k)
    add(multiples[k], mostElements);
  function->setAttr(tile::kParameters, ArrayAttr::get(context, parameters));
  return success();
}

//===- DistributorValues.cpp - values where they are asked for ------------===//

#include "compiler/Transforms/Distributor.h"
#include "compiler/Transforms/Rematerialize.h"

#include <limits>

using namespace mlir;
using namespace stc;
using namespace stc::distribution;

std::optional<int64_t> stc::distribution::dealtDim(DictionaryAttr dealt, StringAttr axis) {
  auto dim = dealt ? dealt.getAs<IntegerAttr>(axis) : IntegerAttr();
  return dim ? std::optional(dim.getInt()) : std::nullopt;
}

void stc::distribution::markAs(Operation *like, Operation *made) {
  for (StringRef mark : {kBlockMark, kBackwardMark})
    if (Attribute attribute = like ? like->getAttr(mark) : Attribute(); attribute && made)
      made->setAttr(mark, attribute);
}

std::optional<Placement> Distributor::reshaped(Placement placement, ArrayRef<int64_t> from,
                                               ArrayRef<int64_t> to) const {
  if (!placement.isDealt())
    return placement;
  const int64_t elements = placement.block * stepOf(from, placement.dim);
  for (int64_t dim = 0; dim < int64_t(to.size()); ++dim) {
    const int64_t step = stepOf(to, dim);
    if (elements % step == 0 && divides(to, dim, elements / step))
      return Placement::dealt(dim, elements / step);
  }
  return std::nullopt;
}

Placement Distributor::anyPart(RankedTensorType type) const {
  auto dim = dimOfRuns(type, count);
  return dim ? Placement::dealt(*dim, type.getDimSize(*dim)) : Placement::whole();
}

/// With the dealt blocks as a dimension of their own, [blocks, part of a block].
static RankedTensorType apart(RankedTensorType type, int64_t dim, int64_t blocks) {
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] /= blocks;
  shape.insert(shape.begin() + dim, blocks);
  return type.clone(shape);
}

Value Distributor::byBlocks(Value local, RankedTensorType type, Placement placement, bool isWhole,
                            function_ref<Value(Value, RankedTensorType, int64_t)> change) {
  const int64_t dim = placement.dim, blocks = type.getDimSize(dim) / placement.block;
  if (blocks == 1)
    return change(local, type, dim);
  Value split = ReshapeOp::create(b, apart(typeOf(local), dim, blocks), local);
  Value changed = change(split, apart(type, dim, blocks), dim + 1);
  return ReshapeOp::create(b, isWhole ? type : localType(type, placement), changed);
}

Value Distributor::gathered(Value local, RankedTensorType type, Placement placement) {
  return byBlocks(local, type, placement, /*isWhole=*/true,
                  [&](Value part, RankedTensorType to, int64_t dim) -> Value {
                    return AllGatherOp::create(b, to, part, dim, axis, count);
                  });
}

Value Distributor::scattered(Value local, RankedTensorType type, Placement wanted) {
  const bool isNarrowed = type.getElementType().isF32() && scatteredType != type.getElementType();
  if (isNarrowed) {
    type = cast<RankedTensorType>(type.clone(scatteredType));
    local = arith::TruncFOp::create(b, type, local);
  }
  Value sum =
      byBlocks(local, type, wanted, /*isWhole=*/false,
               [&](Value all, RankedTensorType from, int64_t dim) -> Value {
                 return ReduceScatterOp::create(b, partType(from, dim), all, dim, axis, count);
               });
  if (!isNarrowed)
    return sum;
  return arith::ExtFOp::create(b, typeOf(sum).clone(b.getF32Type()), sum);
}

Value Distributor::summed(Value local, Reduction how) {
  return AllReduceOp::create(b, local.getType(), how, local, axis, count);
}

/// What moves is rows of memory: a run, or parts of it that keep many threads busy.
static int64_t rowOf(int64_t run) {
  constexpr int64_t longest = 512, shortest = 64;
  for (int64_t row = longest; run > longest && row >= shortest; --row)
    if (run % row == 0)
      return row;
  return run;
}

Value Distributor::pickedRows(Value value, int64_t row, RankedTensorType to, Value indices) {
  auto table = [&](RankedTensorType type) {
    return type.clone({type.getNumElements() / row, row});
  };
  Value rows = ReshapeOp::create(b, table(typeOf(value)), value);
  return ReshapeOp::create(b, to, GatherOp::create(b, table(to), rows, indices));
}

// Once, before all that is computed again.
Value Distributor::indices(int64_t rows, ArrayRef<int64_t> key,
                           function_ref<Value(const Numbers &, Value)> ofRow) {
  std::vector<int64_t> whole(key);
  whole.push_back(rows);
  Value &known = knownIndices[whole];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  const Numbers numbers(b, RankedTensorType::get({rows}, b.getI32Type()));
  return known = ofRow(numbers, numbers.places(0));
}

Value Distributor::swapped(Value value) {
  SmallVector<int64_t> shape(typeOf(value).getShape());
  const int64_t x = shape[0], y = shape[1], elements = typeOf(value).getNumElements(),
                row = rowOf(elements / (x * y)), rows = elements / row, inner = rows / (x * y);
  std::swap(shape[0], shape[1]);
  const auto to = typeOf(value).clone(shape);
  if (x == 1 || y == 1)
    return ReshapeOp::create(b, to, value);
  // From the rows [y, x, inner] of a table to those of [x, y, inner].
  Value from = indices(rows, {x, y, inner}, [&](const Numbers &n, Value place) {
    Value outer = n.divided(place, inner);
    Value before = n.sum(n.times(n.rest(outer, x), y), n.divided(outer, x));
    return n.sum(n.times(before, inner), n.rest(place, inner));
  });
  return pickedRows(value, row, to, from);
}

bool Distributor::canSend(RankedTensorType type, Placement from, Placement to) const {
  // Rows are counted in 32 bits.
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  return from.dim != to.dim && isa<FloatType>(type.getElementType()) &&
         type.getNumElements() / type.getShape().back() <= most / count &&
         from.block == type.getDimSize(from.dim) && to.block == type.getDimSize(to.dim) &&
         to.block % count == 0;
}

// [ahead, parts, behind] of the dimension that is cut, of which parts go to the front.
Value Distributor::sent(Value local, RankedTensorType type, Placement from, Placement to) {
  SmallVector<int64_t> shape(partType(type, from.dim).getShape());
  shape[to.dim] /= count;
  SmallVector<int64_t> apart = {ShapedType::getNumElements(ArrayRef(shape).take_front(to.dim)),
                                count};
  llvm::append_range(apart, ArrayRef(shape).drop_front(to.dim));
  Value parts = swapped(ReshapeOp::create(b, type.clone(apart), local));
  shape.insert(shape.begin(), count);
  parts = ReshapeOp::create(b, type.clone(shape), parts);
  return AllToAllOp::create(b, parts, /*dim=*/0, axis, count);
}

// [parts, ahead, behind] of the dimension that was cut, of which parts go to where it is.
Value Distributor::received(Value parts, RankedTensorType type, Placement from, Placement to) {
  ArrayRef<int64_t> shape = typeOf(parts).getShape().drop_front();
  SmallVector<int64_t> apart = {count, ShapedType::getNumElements(shape.take_front(from.dim))};
  llvm::append_range(apart, shape.drop_front(from.dim));
  Value whole = swapped(ReshapeOp::create(b, type.clone(apart), parts));
  return ReshapeOp::create(b, localType(type, to), whole);
}

Value Distributor::rank() {
  return RankOp::create(b, RankedTensorType::get({}, b.getI32Type()), axis, count);
}

Value Distributor::firstOfPart(RankedTensorType part, int64_t dim) {
  auto type = RankedTensorType::get({}, b.getI32Type());
  auto size = DenseElementsAttr::get(type, int32_t(part.getDimSize(dim)));
  Value first = arith::MulIOp::create(b, rank(), arith::ConstantOp::create(b, size));
  const unsigned width = part.getElementTypeBitWidth();
  auto scalar = type.clone(part.getElementType());
  if (width > 32)
    first = arith::ExtSIOp::create(b, scalar, first);
  if (width < 32)
    first = arith::TruncIOp::create(b, scalar, first);
  return BroadcastOp::create(b, part, first, ArrayRef<int64_t>());
}

Value Distributor::slicedIota(IotaOp iota, RankedTensorType local, Placement wanted) {
  if (int64_t(iota.getDim()) != wanted.dim)
    return IotaOp::create(b, local, iota.getDim());
  const int64_t blocks = iota.getType().getDimSize(wanted.dim) / wanted.block;
  if (blocks == 1)
    return arith::AddIOp::create(b, IotaOp::create(b, local, wanted.dim),
                                 firstOfPart(local, wanted.dim));
  const RankedTensorType type = apart(local, wanted.dim, blocks);
  auto size = DenseElementsAttr::get(
      type, b.getIntegerAttr(type.getElementType(), wanted.block).getValue());
  Value ofBlock = arith::MulIOp::create(b, IotaOp::create(b, type, wanted.dim),
                                        arith::ConstantOp::create(b, size));
  Value inBlock = arith::AddIOp::create(b, IotaOp::create(b, type, wanted.dim + 1),
                                        firstOfPart(type, wanted.dim + 1));
  return ReshapeOp::create(b, local, arith::AddIOp::create(b, ofBlock, inBlock));
}

Value Distributor::slicedRandom(RandomOp random, RankedTensorType local, Placement wanted) {
  auto parts = llvm::map_to_vector(random.getParts(), [&](Value part) { return whole(part); });
  SmallVector<int64_t> counts(random.getCounts()), runs(random.getRuns());
  parts.push_back(rank());
  counts.push_back(count);
  runs.push_back(wanted.block / count * stepOf(local.getShape(), wanted.dim));
  return RandomOp::create(b, local, random.getDistribution(), whole(random.getSeed()),
                          whole(random.getStep()), random.getStream(), parts, counts, runs);
}

Value Distributor::sliced(Value value, Placement wanted) {
  Value part = slicedOrCut(value, wanted);
  markAs(value.getDefiningOp(), part.getDefiningOp());
  return part;
}

Value Distributor::slicedOrCut(Value value, Placement wanted) {
  const RankedTensorType type = typeOf(value), local = localType(type, wanted);
  // Less than all of what is the same, or known by its place.
  if (auto constant = value.getDefiningOp<arith::ConstantOp>())
    if (auto elements = dyn_cast<SplatElementsAttr>(constant.getValue()))
      return arith::ConstantOp::create(b, elements.resizeSplat(local));
  if (auto broadcast = value.getDefiningOp<BroadcastOp>()) {
    const auto *dim = llvm::find(broadcast.getDims(), wanted.dim);
    const bool isNew = dim == broadcast.getDims().end();
    Value from = isNew ? whole(broadcast.getInput())
                       : in(broadcast.getInput(),
                            Placement::dealt(dim - broadcast.getDims().begin(), wanted.block));
    return BroadcastOp::create(b, local, from, broadcast.getDims());
  }
  if (auto iota = value.getDefiningOp<IotaOp>())
    return slicedIota(iota, local, wanted);
  if (auto gather = value.getDefiningOp<GatherOp>();
      gather && placementOf(value).isWhole() && wanted.dim + 1 < type.getRank())
    return GatherOp::create(b, local, whole(gather.getTable()), in(gather.getIndices(), wanted));
  if (auto random = value.getDefiningOp<RandomOp>())
    return slicedRandom(random, local, wanted);
  if (Operation *op = value.getDefiningOp();
      op && isElementwise(op) && placementOf(value).isWhole())
    return slicedOp(op, local, wanted);
  return cut(whole(value), type, wanted);
}

Value Distributor::cut(Value all, RankedTensorType type, Placement wanted) {
  return byBlocks(all, type, wanted, /*isWhole=*/false,
                  [&](Value apart, RankedTensorType from, int64_t dim) -> Value {
                    return AllSliceOp::create(b, partType(from, dim), apart, dim, axis, count);
                  });
}

/// An elementwise op done for a part alone, with the marks that the whole one has.
Value Distributor::slicedOp(Operation *op, RankedTensorType type, Placement wanted) {
  auto operands =
      llvm::map_to_vector(op->getOperands(), [&](Value value) { return in(value, wanted); });
  OperationState state(op->getLoc(), op->getName(), operands, type, op->getAttrs());
  return static_cast<OpBuilder &>(b).create(state)->getResult(0);
}

Value Distributor::in(Value value, Placement wanted) {
  Known &one = known[value];
  if (auto found = one.values.find(wanted); found != one.values.end())
    return found->second;
  const RankedTensorType type = typeOf(value);
  const Placement own = one.own;
  if (one.kept && !one.values.contains(own)) {
    Value parts = one.values.at(*one.kept);
    Value result =
        wanted.isWhole() ? gathered(parts, type, *one.kept) : cut(whole(value), type, wanted);
    known[value].values[wanted] = result;
    return result;
  }
  if (own.isWhole() && wanted.isPartial()) {
    Value share = splat(b, b.getLoc(), type, 1.0 / double(count));
    return known[value].values[wanted] = arith::MulFOp::create(b, whole(value), share);
  }
  Value local = one.values.at(own), result;
  auto all = one.values.find(Placement::whole());
  if (own.isWhole())
    result = sliced(value, wanted);
  else if (all != one.values.end()) // exchanged before
    result = cut(all->second, type, wanted);
  else if (own.isDealt() && wanted.isWhole())
    result = gathered(local, type, own);
  else if (own.isDealt() && canSend(type, own, wanted))
    result = received(sent(local, type, own, wanted), type, own, wanted);
  else if (own.isDealt())
    result = sliced(value, wanted);
  else if (wanted.isDealt())
    result = scattered(local, type, wanted);
  else
    result = summed(local, Reduction::Sum);
  known[value].values[wanted] = result;
  return result;
}

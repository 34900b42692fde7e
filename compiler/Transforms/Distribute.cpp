//===- Distribute.cpp - a function over the devices of an axis ------------===//
//
// Each value of the whole function gets a placement: all devices have it, each has a part of it, or
// each has a summand of it. Placements go forward, op by op; where an op cannot take what its
// operands have, a collective or a slice stands in between. What the parts are of is a matter of
// elements in row-major order, so that a placement stays what it is where dimensions are merged.
//
//===----------------------------------------------------------------------===//

#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Rematerialize.h"

#include <llvm/ADT/ScopeExit.h>
#include <llvm/ADT/StringSwitch.h>
#include <mlir/IR/ImplicitLocOpBuilder.h>
#include <mlir/IR/Matchers.h>

namespace stc {
#define GEN_PASS_DEF_DISTRIBUTE
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {

/// Where a tensor is. `Dealt`: of each `block` consecutive indices of dimension `dim`, device r has
/// the r-th of equal parts. `Partial`: the tensor is the sum of what the devices have.
struct Placement {
  enum Kind { Whole, Dealt, Partial };
  Kind kind = Whole;
  int64_t dim = 0, block = 0;

  static Placement whole() { return {}; }
  static Placement partial() { return {Partial}; }
  static Placement dealt(int64_t dim, int64_t block) { return {Dealt, dim, block}; }
  bool isWhole() const { return kind == Whole; }
  bool isDealt() const { return kind == Dealt; }
  bool isPartial() const { return kind == Partial; }
  auto operator<=>(const Placement &) const = default;
};

bool isElementwise(Operation *op) {
  return op->getNumOperands() > 0 && op->getNumResults() == 1 &&
         (OpTrait::hasElementwiseMappableTraits(op) || isa<PinOp, StopGradientOp>(op));
}

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
int64_t stepOf(ArrayRef<int64_t> shape, int64_t dim) {
  return ShapedType::getNumElements(shape.drop_front(dim + 1));
}

/// The dimension along which equal parts are runs of memory, if they can be equal.
std::optional<int64_t> dimOfRuns(RankedTensorType type, int64_t count) {
  for (auto [dim, size] : llvm::enumerate(type.getShape()))
    if (size != 1)
      return size % count == 0 ? std::optional<int64_t>(dim) : std::nullopt;
  return std::nullopt;
}

class Distributor {
public:
  Distributor(func::FuncOp function, StringAttr axis, int64_t count, bool sharesState,
              Type scatteredType)
      : function(function), axis(axis), count(count), sharesState(sharesState),
        scatteredType(scatteredType), b(function.getLoc(), function.getContext()) {}

  LogicalResult run();

private:
  /// What stands for a value of the whole function, by the placements that were asked for.
  struct Known {
    Placement own;
    std::map<Placement, Value> values;
    /// Of what variables keep in parts and every other op is to take whole: these parts, which are
    /// all that there is until one does.
    std::optional<Placement> kept;
  };

  //===--- values ---===//

  Placement placementOf(Value value) { return known[value].own; }
  void define(Value value, Placement placement, Value local) {
    known[value] = {placement, {{placement, local}}, {}};
  }
  void defineKept(Value value, Placement placement, Value local) {
    known[value] = {Placement::whole(), {{placement, local}}, placement};
  }
  /// The value as it is asked for: a slice, a collective, or the op that makes it done for less.
  Value in(Value value, Placement wanted);
  Value whole(Value value) { return in(value, Placement::whole()); }
  Value rank();
  /// The index in the whole tensor of a part's first element along a dimension, for all of the
  /// part.
  Value firstOfPart(RankedTensorType part, int64_t dim);
  /// Part of a value that all have.
  Value sliced(Value value, Placement wanted);
  Value slicedOrCut(Value value, Placement wanted);
  Value cut(Value all, RankedTensorType type, Placement wanted);
  Value slicedOp(Operation *op, RankedTensorType type, Placement wanted);
  /// Exchanges stand where they are needed, so that nothing that they have to do with keeps ops
  /// apart that become one kernel; `group-exchanges` lets them start early all the same.
  Value gathered(Value local, RankedTensorType type, Placement placement);
  Value scattered(Value local, RankedTensorType type, Placement wanted);
  Value summed(Value local, Reduction how);
  /// From parts along one dimension to parts along another: sent to who gets them, and set in.
  Value sent(Value local, RankedTensorType type, Placement from, Placement to);
  Value received(Value parts, RankedTensorType type, Placement from, Placement to);
  bool canSend(RankedTensorType type, Placement from, Placement to) const;
  /// The first two dimensions change places.
  Value swapped(Value value);
  /// Runs `change` on a tensor of this type in which the dealt blocks of `placement` are a
  /// dimension of their own, which is then dealt as a whole.
  Value byBlocks(Value local, RankedTensorType whole, Placement placement, bool isWhole,
                 function_ref<Value(Value, RankedTensorType, int64_t)> change);

  RankedTensorType partType(RankedTensorType type, int64_t dim) const {
    SmallVector<int64_t> shape(type.getShape());
    shape[dim] /= count;
    return type.clone(shape);
  }
  RankedTensorType localType(RankedTensorType type, Placement placement) const {
    return placement.isDealt() ? partType(type, placement.dim) : type;
  }
  bool divides(ArrayRef<int64_t> shape, int64_t dim, int64_t block) const {
    return block > 0 && shape[dim] % block == 0 && block % count == 0;
  }
  /// The same elements under another shape.
  std::optional<Placement> reshaped(Placement placement, ArrayRef<int64_t> from,
                                    ArrayRef<int64_t> to) const;
  /// In parts that are runs of memory; whole where these are not equal.
  Placement anyPart(RankedTensorType type) const;

  //===--- ops ---===//

  LogicalResult distribute(Operation *op);
  /// The op on local operands, with results of these placements.
  void rebuild(Operation *op, ValueRange operands, ArrayRef<Placement> placements);
  void onWholes(Operation *op);
  /// Casts of what is kept in parts, and the like: what they give is kept so, too.
  bool onKept(Operation *op);
  void elementwise(Operation *op);
  void broadcast(BroadcastOp op);
  void reduce(ReduceOp op);
  void reshape(ReshapeOp op);
  void columns(Operation *op);
  void matmul(MatmulOp op);
  void gather(GatherOp op);
  void scatterAdd(ScatterAddOp op);
  void collective(Operation *op, int64_t dim);
  LogicalResult attention(Operation *op);
  LogicalResult attentionByHeads(Operation *op, Layout layout, PatternAttr pattern);
  LogicalResult write(WriteOp op);
  LogicalResult finish(func::ReturnOp op);

  /// That this op alone reads a summand, so that the sum can be taken later.
  bool isPartialForOne(Value value) {
    return placementOf(value).isPartial() && value.hasOneUse() && known[value].values.size() == 1;
  }

  func::FuncOp function;
  StringAttr axis;
  const int64_t count;
  const bool sharesState;
  const Type scatteredType; // for f32
  ImplicitLocOpBuilder b;
  DenseMap<Value, Known> known;
};

/// The dimension along which an attribute says that something is dealt over an axis.
std::optional<int64_t> dealtDim(DictionaryAttr dealt, StringAttr axis) {
  auto dim = dealt ? dealt.getAs<IntegerAttr>(axis) : IntegerAttr();
  return dim ? std::optional(dim.getInt()) : std::nullopt;
}

} // namespace

//===----------------------------------------------------------------------===//
// Placements
//===----------------------------------------------------------------------===//

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

Value Distributor::byBlocks(Value local, RankedTensorType type, Placement placement, bool isWhole,
                            function_ref<Value(Value, RankedTensorType, int64_t)> change) {
  const int64_t dim = placement.dim, blocks = type.getDimSize(dim) / placement.block;
  if (blocks == 1)
    return change(local, type, dim);
  auto split = [&](RankedTensorType merged) {
    SmallVector<int64_t> shape(merged.getShape());
    shape[dim] /= blocks;
    shape.insert(shape.begin() + dim, blocks);
    return merged.clone(shape);
  };
  Value apart = ReshapeOp::create(b, split(typeOf(local)), local);
  Value changed = change(apart, split(type), dim + 1);
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

// What moves is rows of memory: the last dimension, and as many before it as make a long one.
Value Distributor::swapped(Value value) {
  constexpr int64_t longRow = 512;
  SmallVector<int64_t> shape(typeOf(value).getShape());
  const int64_t x = shape[0], y = shape[1];
  int64_t row = 1;
  for (int64_t dim = shape.size() - 1; dim > 1 && (row == 1 || row * shape[dim] <= longRow); --dim)
    row *= shape[dim];
  const int64_t rows = typeOf(value).getNumElements() / row, inner = rows / (x * y);
  std::swap(shape[0], shape[1]);
  const auto to = typeOf(value).clone(shape);
  if (x == 1 || y == 1)
    return ReshapeOp::create(b, to, value);
  // At each place of the result, [y, x, inner], the row's place before, [x, y, inner].
  auto index = RankedTensorType::get({rows}, b.getI32Type());
  auto constant = [&](int64_t number) -> Value {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(index, int32_t(number)));
  };
  Value place = IotaOp::create(b, index, /*dim=*/0);
  Value outer = arith::DivSIOp::create(b, place, constant(inner));
  Value ofX = arith::RemSIOp::create(b, outer, constant(x));
  Value ofY = arith::DivSIOp::create(b, outer, constant(x));
  Value before = arith::AddIOp::create(b, arith::MulIOp::create(b, ofX, constant(y)), ofY);
  before = arith::AddIOp::create(b, arith::MulIOp::create(b, before, constant(inner)),
                                 arith::RemSIOp::create(b, place, constant(inner)));
  Value table = ReshapeOp::create(b, typeOf(value).clone({rows, row}), value);
  return ReshapeOp::create(b, to, GatherOp::create(b, typeOf(table), table, before));
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

/// Belongs to the same block of the model, and is of the backward pass if the other is.
static void markAs(Operation *like, Operation *made) {
  for (StringRef mark : {kBlockMark, kBackwardMark})
    if (Attribute attribute = like ? like->getAttr(mark) : Attribute(); attribute && made)
      made->setAttr(mark, attribute);
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
  const bool isOneRun = wanted.block == type.getDimSize(wanted.dim);
  if (auto iota = value.getDefiningOp<IotaOp>()) {
    Value index = IotaOp::create(b, local, iota.getDim());
    if (int64_t(iota.getDim()) != wanted.dim)
      return index;
    if (isOneRun)
      return arith::AddIOp::create(b, index, firstOfPart(local, wanted.dim));
  }
  if (auto gather = value.getDefiningOp<GatherOp>();
      gather && placementOf(value).isWhole() && wanted.dim + 1 < type.getRank())
    return GatherOp::create(b, local, whole(gather.getTable()), in(gather.getIndices(), wanted));
  if (auto random = value.getDefiningOp<RandomOp>(); random && isOneRun) {
    auto parts = llvm::map_to_vector(random.getParts(), [&](Value part) { return whole(part); });
    SmallVector<int64_t> dims(random.getDims()), counts(random.getCounts());
    parts.push_back(rank());
    dims.push_back(wanted.dim);
    counts.push_back(count);
    return RandomOp::create(b, local, random.getDistribution(), whole(random.getSeed()),
                            whole(random.getStep()), random.getStream(), parts, dims, counts);
  }
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

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void Distributor::rebuild(Operation *op, ValueRange operands, ArrayRef<Placement> placements) {
  OperationState state(op->getLoc(), op->getName(), operands, {}, op->getAttrs());
  for (auto [result, placement] : llvm::zip_equal(op->getResults(), placements))
    state.types.push_back(localType(typeOf(result), placement));
  Operation *local = static_cast<OpBuilder &>(b).create(state);
  for (auto [result, placement, own] :
       llvm::zip_equal(op->getResults(), placements, local->getResults()))
    define(result, placement, own);
}

void Distributor::onWholes(Operation *op) {
  auto operands = llvm::map_to_vector(op->getOperands(), [&](Value value) { return whole(value); });
  rebuild(op, operands, SmallVector<Placement>(op->getNumResults(), Placement::whole()));
}

/// Whether the op is linear in operand `number`, the others being the same on all devices.
static bool isLinearIn(Operation *op, unsigned number) {
  if (isa<arith::NegFOp, arith::ExtFOp, arith::MulFOp, PinOp, StopGradientOp>(op))
    return true;
  return isa<arith::DivFOp>(op) && number == 0;
}

bool Distributor::onKept(Operation *op) {
  std::optional<Placement> kept;
  for (Value operand : op->getOperands())
    if (auto own = known[operand].kept)
      kept = own;
  auto isKeptSo = [&](Value operand) {
    return known[operand].kept == kept || matchPattern(operand, m_Constant());
  };
  if (!kept || !llvm::all_of(op->getOperands(), isKeptSo))
    return false;
  Value parts = slicedOp(op, localType(typeOf(op->getResult(0)), *kept), *kept);
  defineKept(op->getResult(0), *kept, parts);
  return true;
}

void Distributor::elementwise(Operation *op) {
  if (onKept(op))
    return;
  Placement placement = Placement::whole();
  unsigned partials = 0, last = 0;
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    if (placementOf(operand).isDealt() && !placement.isDealt())
      placement = placementOf(operand);
    if (isPartialForOne(operand))
      ++partials, last = number;
  }
  // What all devices have joins a sum in equal shares, so that more than one sum is taken at once.
  auto canBeShared = [&](Value value) {
    return isPartialForOne(value) ||
           (placementOf(value).isWhole() && typeOf(value).getElementTypeBitWidth() >= 32);
  };
  const bool isSum = isa<arith::AddFOp, arith::SubFOp>(op) && partials > 0 &&
                     llvm::all_of(op->getOperands(), canBeShared);
  if (!placement.isDealt() && (isSum || (partials == 1 && isLinearIn(op, last)))) {
    SmallVector<Value> operands;
    for (auto [number, value] : llvm::enumerate(op->getOperands()))
      operands.push_back(isSum || number == last ? in(value, Placement::partial()) : whole(value));
    return rebuild(op, operands, Placement::partial());
  }
  const bool hasPartial =
      llvm::any_of(op->getOperands(), [&](Value value) { return placementOf(value).isPartial(); });
  if (!placement.isDealt() && hasPartial && sharesState)
    placement = anyPart(typeOf(op->getResult(0)));
  auto operands =
      llvm::map_to_vector(op->getOperands(), [&](Value value) { return in(value, placement); });
  rebuild(op, operands, placement);
}

void Distributor::broadcast(BroadcastOp op) {
  const Placement own = placementOf(op.getInput());
  if (own.isDealt())
    return rebuild(op, in(op.getInput(), own), Placement::dealt(op.getDims()[own.dim], own.block));
  if (isPartialForOne(op.getInput()))
    return rebuild(op, in(op.getInput(), own), own);
  onWholes(op);
}

void Distributor::reduce(ReduceOp op) {
  const Placement own = placementOf(op.getInput());
  if (isPartialForOne(op.getInput()) && op.getKind() == Reduction::Sum)
    return rebuild(op, in(op.getInput(), own), own);
  if (!own.isDealt())
    return onWholes(op);
  Value local = in(op.getInput(), own);
  if (!llvm::is_contained(op.getDims(), own.dim)) {
    const int64_t gone = llvm::count_if(op.getDims(), [&](int64_t dim) { return dim < own.dim; });
    return rebuild(op, local, Placement::dealt(own.dim - gone, own.block));
  }
  rebuild(op, local, Placement::partial());
  if (op.getKind() == Reduction::Sum)
    return;
  Value most = summed(in(op.getResult(), Placement::partial()), op.getKind());
  define(op.getResult(), Placement::whole(), most);
}

void Distributor::reshape(ReshapeOp op) {
  const Placement own = placementOf(op.getInput());
  if (own.isPartial() && !isPartialForOne(op.getInput()))
    return onWholes(op);
  if (auto kept = known[op.getInput()].kept)
    if (auto to = reshaped(*kept, typeOf(op.getInput()).getShape(), op.getType().getShape()))
      return defineKept(
          op.getResult(), *to,
          ReshapeOp::create(b, localType(op.getType(), *to), in(op.getInput(), *kept)));
  auto placement = reshaped(own, typeOf(op.getInput()).getShape(), op.getType().getShape());
  if (!placement)
    return onWholes(op);
  rebuild(op, in(op.getInput(), own), *placement);
}

/// Split and concat, of the last dimension.
void Distributor::columns(Operation *op) {
  for (Value operand : op->getOperands()) {
    const Placement own = placementOf(operand);
    if (!own.isDealt() || own.dim + 1 == typeOf(operand).getRank())
      continue;
    auto operands =
        llvm::map_to_vector(op->getOperands(), [&](Value value) { return in(value, own); });
    return rebuild(op, operands, SmallVector<Placement>(op->getNumResults(), own));
  }
  onWholes(op);
}

void Distributor::matmul(MatmulOp op) {
  const int64_t rank = typeOf(op.getLhs()).getRank(), rhsRank = typeOf(op.getRhs()).getRank();
  const bool isShared = rhsRank == 2 && rank > 2;
  const int64_t rows = op.getTransposeLhs() ? rank - 1 : rank - 2, inner = 2 * rank - 3 - rows;
  const int64_t columns = op.getTransposeRhs() ? rhsRank - 2 : rhsRank - 1,
                rhsInner = 2 * rhsRank - 3 - columns;
  const Placement lhs = placementOf(op.getLhs()), rhs = placementOf(op.getRhs());
  auto make = [&](Placement left, Placement right, Placement result) {
    rebuild(op, {in(op.getLhs(), left), in(op.getRhs(), right)}, result);
  };
  const Placement whole = Placement::whole();
  if (lhs.isDealt() && lhs.dim == inner)
    return make(lhs, Placement::dealt(rhsInner, lhs.block), Placement::partial());
  if (rhs.isDealt() && rhs.dim == rhsInner && !lhs.isDealt())
    return make(Placement::dealt(inner, rhs.block), rhs, Placement::partial());
  if (lhs.isDealt() && lhs.dim == rows)
    return make(lhs, whole, Placement::dealt(rank - 2, lhs.block));
  if (lhs.isDealt()) // of the batch
    return make(lhs, isShared ? whole : lhs, lhs);
  if (rhs.isDealt() && rhs.dim == columns)
    return make(whole, rhs, Placement::dealt(rank - 1, rhs.block));
  if (rhs.isDealt() && rhs.dim < rhsRank - 2)
    return make(rhs, rhs, rhs);
  onWholes(op);
}

void Distributor::gather(GatherOp op) {
  const Placement own = placementOf(op.getIndices());
  if (!own.isDealt())
    return onWholes(op);
  rebuild(op, {whole(op.getTable()), in(op.getIndices(), own)}, own);
}

void Distributor::scatterAdd(ScatterAddOp op) {
  const Placement own = placementOf(op.getRows());
  // Also of rows that others read: a sum of tables is then no more than one of rows.
  if (own.isPartial() && op.getType().getNumElements() <= typeOf(op.getRows()).getNumElements())
    return rebuild(op, {in(op.getRows(), own), whole(op.getIndices())}, own);
  if (!own.isDealt() || own.dim >= typeOf(op.getIndices()).getRank())
    return onWholes(op);
  rebuild(op, {in(op.getRows(), own), in(op.getIndices(), own)}, Placement::partial());
}

/// Over another axis, along a dimension of its own.
void Distributor::collective(Operation *op, int64_t dim) {
  Value input = op->getOperand(0);
  const Placement own = placementOf(input);
  // All but a maximum are linear.
  auto sum = dyn_cast<AllReduceOp>(op);
  if (isPartialForOne(input) && !(sum && sum.getKind() != Reduction::Sum))
    return rebuild(op, in(input, own), own);
  if (!own.isDealt() || own.dim == dim)
    return onWholes(op);
  rebuild(op, in(input, own), own);
}

/// What is dealt by positions is sent so that each device has some heads of all positions, which
/// needs to know nothing of the pattern; what comes out is sent back.
LogicalResult Distributor::attentionByHeads(Operation *op, Layout layout, PatternAttr pattern) {
  const int64_t heads = layout == Layout::TokenMajor ? 2 : 1, positions = 3 - heads;
  auto byHeads = [&](Value value) {
    const int64_t dim = typeOf(value).getRank() == 4 ? heads : 1; // of the log-sum-exp
    return Placement::dealt(dim, typeOf(value).getDimSize(dim));
  };
  for (Value operand : op->getOperands().take_front(2))
    if (int64_t number = byHeads(operand).block; number % count != 0)
      return op->emitOpError("expected heads that ")
             << count << " devices along \"" << axis.getValue() << "\" divide, found " << number;
  Operation *before = op->getPrevNode();
  auto marked = llvm::make_scope_exit([&] {
    Operation *first = before ? before->getNextNode() : &op->getBlock()->front();
    for (Operation &made : llvm::make_range(first->getIterator(), op->getIterator()))
      markAs(op, &made);
  });
  const int64_t queryHeads = byHeads(op->getOperand(0)).block;
  const bool isByPositions = llvm::any_of(op->getOperands(), [&](Value operand) {
    const Placement own = placementOf(operand);
    return typeOf(operand).getRank() == 4 && own.isDealt() && own.dim == positions;
  });
  if (pattern.inTurn(queryHeads) != pattern.inTurn(queryHeads / count))
    return op->emitOpError("expected heads of each of ")
           << count << " devices along \"" << axis.getValue()
           << "\" that take all patterns in turn, found " << pattern << " for " << queryHeads
           << " heads";
  // All that is sent goes first, and goes together.
  SmallVector<Value> operands, underWay;
  for (Value operand : op->getOperands()) {
    const Placement own = placementOf(operand), wanted = byHeads(operand);
    const bool isSent = own.isDealt() && own != wanted && canSend(typeOf(operand), own, wanted) &&
                        !known[operand].values.contains(wanted);
    underWay.push_back(isSent ? sent(in(operand, own), typeOf(operand), own, wanted) : Value());
  }
  for (auto [operand, parts] : llvm::zip_equal(op->getOperands(), underWay)) {
    const Placement wanted = byHeads(operand);
    if (parts)
      known[operand].values[wanted] =
          received(parts, typeOf(operand), placementOf(operand), wanted);
    operands.push_back(in(operand, wanted));
  }
  rebuild(op, operands,
          llvm::map_to_vector(op->getResults(), [&](Value result) { return byHeads(result); }));
  if (!isByPositions)
    return success();
  underWay.clear();
  for (Value result : op->getResults()) {
    const auto back = Placement::dealt(positions, typeOf(result).getDimSize(positions));
    underWay.push_back(typeOf(result).getRank() == 4 ? sent(in(result, byHeads(result)),
                                                            typeOf(result), byHeads(result), back)
                                                     : Value());
  }
  for (auto [result, parts] : llvm::zip_equal(op->getResults(), underWay)) {
    if (!parts)
      continue;
    const auto back = Placement::dealt(positions, typeOf(result).getDimSize(positions));
    Value own = in(result, byHeads(result));
    define(result, back, received(parts, typeOf(result), byHeads(result), back));
    known[result].values[byHeads(result)] = own;
  }
  return success();
}

/// By sequences of the batch or by heads, each for itself.
LogicalResult Distributor::attention(Operation *op) {
  Placement placement = Placement::whole();
  bool isBySequences = true;
  for (Value operand : op->getOperands()) {
    const Placement own = placementOf(operand);
    if (own.isDealt())
      placement = own;
    isBySequences &= !own.isDealt() || own.dim == 0;
  }
  if (!isBySequences) {
    if (auto attention = dyn_cast<AttentionOp>(op))
      return attentionByHeads(op, attention.getLayout(), attention.getPattern());
    if (auto gradient = dyn_cast<AttentionGradOp>(op))
      return attentionByHeads(op, gradient.getLayout(), gradient.getPattern());
    return op->emitOpError("expected operands that are dealt by sequences alone over \"")
           << axis.getValue() << "\"";
  }
  auto operands = llvm::map_to_vector(op->getOperands(), [&](Value value) {
    return in(value, typeOf(value).getRank() > 0 ? placement : Placement::whole());
  });
  rebuild(op, operands, SmallVector<Placement>(op->getNumResults(), placement));
  return success();
}

LogicalResult Distributor::write(WriteOp op) {
  auto module = function->getParentOfType<ModuleOp>();
  auto variable = module.lookupSymbol<VariableOp>(op.getVariable());
  auto dim = dealtDim(variable->getAttrOfType<DictionaryAttr>(kDealt), axis);
  const RankedTensorType type = typeOf(op.getValue());
  Placement placement = dim ? Placement::dealt(*dim, type.getDimSize(*dim)) : Placement::whole();
  rebuild(op, in(op.getValue(), placement), {});
  return success();
}

LogicalResult Distributor::finish(func::ReturnOp op) {
  SmallVector<Value> results;
  for (auto [number, value] : llvm::enumerate(op.getOperands())) {
    auto dim = dealtDim(function.getResultAttrOfType<DictionaryAttr>(number, kDealt), axis);
    Placement placement =
        dim ? Placement::dealt(*dim, typeOf(value).getDimSize(*dim)) : Placement::whole();
    results.push_back(in(value, placement));
  }
  func::ReturnOp::create(b, results);
  return success();
}

LogicalResult Distributor::distribute(Operation *op) {
  b.setInsertionPoint(op);
  b.setLoc(op->getLoc());
  if (auto read = dyn_cast<ReadOp>(op)) {
    auto module = function->getParentOfType<ModuleOp>();
    auto variable = module.lookupSymbol<VariableOp>(read.getVariable());
    auto dim = dealtDim(variable->getAttrOfType<DictionaryAttr>(kDealt), axis);
    const auto placement =
        dim ? Placement::dealt(*dim, read.getType().getDimSize(*dim)) : Placement::whole();
    rebuild(op, {}, placement);
    if (dim && variable.getRole() == Role::Parameter)
      defineKept(read, placement, in(read, placement));
    return success();
  }
  if (auto known = dyn_cast<WriteOp>(op))
    return write(known);
  if (auto known = dyn_cast<func::ReturnOp>(op))
    return finish(known);
  if (isa<AttentionOp, AttentionGradOp, AttentionRowOp, InsertRowOp>(op))
    return attention(op);
  if (auto known = dyn_cast<BroadcastOp>(op))
    broadcast(known);
  else if (auto known = dyn_cast<ReduceOp>(op))
    reduce(known);
  else if (auto known = dyn_cast<ReshapeOp>(op))
    reshape(known);
  else if (auto known = dyn_cast<MatmulOp>(op))
    matmul(known);
  else if (auto known = dyn_cast<GatherOp>(op))
    gather(known);
  else if (auto known = dyn_cast<ScatterAddOp>(op))
    scatterAdd(known);
  else if (auto known = dyn_cast<AllGatherOp>(op))
    collective(op, known.getDim());
  else if (auto known = dyn_cast<AllSliceOp>(op))
    collective(op, known.getDim());
  else if (auto known = dyn_cast<ReduceScatterOp>(op))
    collective(op, known.getDim());
  else if (auto known = dyn_cast<AllToAllOp>(op))
    collective(op, known.getDim());
  else if (isa<AllReduceOp>(op))
    collective(op, /*dim=*/-1);
  else if (isa<SplitOp, ConcatOp>(op))
    columns(op);
  else if (isElementwise(op))
    elementwise(op);
  else
    onWholes(op);
  return success();
}

LogicalResult Distributor::run() {
  Block &block = function.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : block)
    ops.push_back(&op);
  SmallVector<BlockArgument> arguments(block.getArguments());
  for (BlockArgument argument : arguments) {
    auto dim =
        dealtDim(function.getArgAttrOfType<DictionaryAttr>(argument.getArgNumber(), kDealt), axis);
    const RankedTensorType type = typeOf(argument);
    Placement placement = dim ? Placement::dealt(*dim, type.getDimSize(*dim)) : Placement::whole();
    // Stands for itself, and has the local type when all else is built.
    Value local = block.addArgument(localType(type, placement), argument.getLoc());
    define(argument, placement, local);
  }
  for (Operation *op : ops)
    if (failed(distribute(op)))
      return failure();
  for (Operation *op : llvm::reverse(ops))
    op->erase();
  block.eraseArguments(0, arguments.size());
  function.setFunctionType(
      b.getFunctionType(block.getArgumentTypes(), block.getTerminator()->getOperandTypes()));
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Whether a function is straight-line code on tensors of static shape, which all of this is about.
static bool isOfTensors(func::FuncOp function) {
  if (!llvm::hasSingleElement(function.getBody()))
    return false;
  auto isTensor = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape();
  };
  Block &body = function.getBody().front();
  return llvm::all_of(body.getArgumentTypes(), isTensor) &&
         isa<func::ReturnOp>(body.getTerminator()) && llvm::all_of(body, [&](Operation &op) {
           return op.getNumRegions() == 0 && llvm::all_of(op.getResultTypes(), isTensor);
         });
}

/// Whether what an attribute deals over the axis can be cut so often.
static LogicalResult verifyDealt(Operation *op, StringRef what, Type type, DictionaryAttr dealt,
                                 StringAttr axis, int64_t count) {
  auto dim = dealtDim(dealt, axis);
  if (!dim)
    return success();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return op->emitOpError("expected a tensor of static shape as ") << what << ", found " << type;
  if (*dim < 0 || *dim >= tensor.getRank())
    return op->emitOpError("expected a dimension of ")
           << what << ", " << tensor << ", to deal over \"" << axis.getValue() << "\", found "
           << *dim;
  const int64_t size = tensor.getDimSize(*dim);
  if (size % count == 0)
    return success();
  auto error = op->emitOpError("expected a size that ")
               << count << " devices divide as dimension " << *dim << " of " << what << ", found "
               << size;
  int64_t fits = count;
  while (size % fits != 0)
    --fits;
  error.attachNote() << "the largest number of devices below " << count << " that divides it is "
                     << fits;
  return error;
}

namespace {
struct DistributePass : stc::impl::DistributeBase<DistributePass> {
  using DistributeBase::DistributeBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (axis.empty() || count < 1) {
      module.emitError("expected an axis with a name and at least one device, found \"")
          << axis << "\" of " << int64_t(count);
      return signalPassFailure();
    }
    if (count > 1 && failed(distribute(module, StringAttr::get(&getContext(), axis))))
      signalPassFailure();
  }

  LogicalResult distribute(ModuleOp module, StringAttr name) {
    Builder b(module.getContext());
    Type scattered = llvm::StringSwitch<Type>(scatteredType)
                         .Case("f32", b.getF32Type())
                         .Case("bf16", b.getBF16Type())
                         .Case("f16", b.getF16Type())
                         .Default({});
    if (!scattered)
      return module.emitError("expected f32, bf16 or f16 as scattered-type, found \"")
             << scatteredType << "\"";
    bool sharesState = false;
    for (auto variable : module.getOps<VariableOp>()) {
      const bool isState =
          llvm::is_contained({Role::Parameter, Role::Optimizer}, variable.getRole());
      if (isState && shareState)
        dealFirst(variable, name);
      auto dealt = variable->getAttrOfType<DictionaryAttr>(kDealt);
      if (failed(verifyDealt(variable, "the variable", variable.getType(), dealt, name, count)))
        return failure();
      sharesState |= isState && dealtDim(dealt, name).has_value();
    }
    for (auto function : module.getOps<func::FuncOp>()) {
      for (auto [k, type] : llvm::enumerate(function.getArgumentTypes()))
        if (failed(verifyDealt(function, "input " + std::to_string(k), type,
                               function.getArgAttrOfType<DictionaryAttr>(k, kDealt), name, count)))
          return failure();
      for (auto [k, type] : llvm::enumerate(function.getResultTypes()))
        if (failed(verifyDealt(function, "result " + std::to_string(k), type,
                               function.getResultAttrOfType<DictionaryAttr>(k, kDealt), name,
                               count)))
          return failure();
      if (isOfTensors(function)) {
        if (failed(Distributor(function, name, count, sharesState, scattered).run()))
          return failure();
      } else if (touchesDealt(function, name)) {
        return function.emitOpError(
                   "expected one block of ops without regions on tensors of static "
                   "shape, to deal it over \"")
               << name.getValue() << "\"";
      }
    }
    for (auto variable : module.getOps<VariableOp>())
      if (auto dim = dealtDim(variable->getAttrOfType<DictionaryAttr>(kDealt), name)) {
        auto type = cast<RankedTensorType>(variable.getType());
        SmallVector<int64_t> shape(type.getShape());
        shape[*dim] /= count;
        variable.setType(type.clone(shape));
      }
    noteAxis(module, name);
    return success();
  }

  /// The axes of the grid, in the order in which devices are numbered along them.
  void noteAxis(ModuleOp module, StringAttr name) {
    Builder b(module.getContext());
    SmallVector<Attribute> axes;
    if (auto known = module->getAttrOfType<ArrayAttr>(kAxes))
      llvm::append_range(axes, known);
    axes.push_back(b.getDictionaryAttr(
        {b.getNamedAttr("name", name), b.getNamedAttr("count", b.getI64IntegerAttr(count))}));
    module->setAttr(kAxes, b.getArrayAttr(axes));
  }

  /// Whether anything that a function takes, returns, reads or writes is dealt.
  static bool touchesDealt(func::FuncOp function, StringAttr name) {
    auto isDealt = [&](DictionaryAttr dealt) { return dealtDim(dealt, name).has_value(); };
    for (unsigned k = 0; k < function.getNumArguments(); ++k)
      if (isDealt(function.getArgAttrOfType<DictionaryAttr>(k, kDealt)))
        return true;
    for (unsigned k = 0; k < function.getNumResults(); ++k)
      if (isDealt(function.getResultAttrOfType<DictionaryAttr>(k, kDealt)))
        return true;
    auto module = function->getParentOfType<ModuleOp>();
    return function
        .walk([&](Operation *op) {
          auto name = op->getAttrOfType<FlatSymbolRefAttr>("variable");
          auto variable = name ? module.lookupSymbol<VariableOp>(name) : VariableOp();
          return variable && isDealt(variable->getAttrOfType<DictionaryAttr>(kDealt))
                     ? WalkResult::interrupt()
                     : WalkResult::advance();
        })
        .wasInterrupted();
  }

  /// Into parts that are runs of memory, unless it is said along which dimension.
  void dealFirst(VariableOp variable, StringAttr name) {
    auto dealt = variable->getAttrOfType<DictionaryAttr>(kDealt);
    if (dealtDim(dealt, name))
      return;
    NamedAttrList entries(dealt);
    if (auto dim = dimOfRuns(cast<RankedTensorType>(variable.getType()), count)) {
      entries.set(name, IntegerAttr::get(IntegerType::get(&getContext(), 64), *dim));
      variable->setAttr(kDealt, entries.getDictionary(&getContext()));
    }
  }
};
} // namespace

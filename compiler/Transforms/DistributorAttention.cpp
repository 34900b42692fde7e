//===- DistributorAttention.cpp - attention over devices ------------------===//
//
// Sequences of a batch and heads are each for themselves. Where positions are dealt, either heads
// are exchanged for positions, or the keys that the pattern asks for are gathered.
//
//===----------------------------------------------------------------------===//

#include "compiler/Transforms/Distributor.h"

using namespace mlir;
using namespace stc;
using namespace stc::distribution;

namespace {
/// What is made before an op until this ends gets its marks.
class MarkAlike {
public:
  explicit MarkAlike(Operation *op) : op(op), before(op->getPrevNode()) {}
  MarkAlike(const MarkAlike &) = delete;
  ~MarkAlike() {
    Operation *first = before ? before->getNextNode() : &op->getBlock()->front();
    for (Operation &made : llvm::make_range(first->getIterator(), op->getIterator()))
      markAs(op, &made);
  }

private:
  Operation *op, *before;
};

int64_t positionsDim(Layout layout) { return layout == Layout::TokenMajor ? 1 : 2; }
} // namespace

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
             << count << " devices along \"" << axis.getValue()
             << "\" divide, or a pattern whose queries are seen in runs of positions, found "
             << number << " and " << pattern;
  const MarkAlike marked(op);
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

static RankedTensorType withPositions(RankedTensorType type, int64_t dim, int64_t positions) {
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = positions;
  return type.clone(shape);
}

/// Rows of some positions of each period.
Value Distributor::someRows(Value rows, int64_t positions, PositionsAttr which) {
  const RankedTensorType type = typeOf(rows);
  if (which.areAll())
    return rows;
  const int64_t row = stepOf(type.getShape(), positions), period = which.getPeriod(),
                width = which.getWidth();
  const auto to = withPositions(type, positions, which.below(type.getDimSize(positions)));
  Value from =
      indices(to.getNumElements() / row, {period, which.getFirst(), width, 0},
              [&](const Numbers &n, Value place) {
                Value ofPeriod = n.times(n.divided(place, width), period);
                return n.sum(n.sum(ofPeriod, n.rest(place, width)), n.constant(which.getFirst()));
              });
  return pickedRows(rows, row, to, from);
}

// Devices send one run of memory each. A device's rows are [places, rows of a block]; of all
// devices they come as [devices, places, rows of a block], and stand in order as [places, devices,
// ...].
Value Distributor::sentRows(Value keys, int64_t positions, const NeededRows &needed) {
  const RankedTensorType type = typeOf(keys);
  Value rows = in(keys, inBlocks(positions, type.getDimSize(positions), needed.block));
  rows = someRows(rows, positions, needed.keys);
  const int64_t size = needed.keys.below(needed.block) * stepOf(type.getShape(), positions),
                places = typeOf(rows).getNumElements() / size;
  rows = ReshapeOp::create(b, type.clone({1, places, size}), rows);
  return AllGatherOp::create(b, type.clone({count, places, size}), rows, 0, axis, count);
}

Value Distributor::orderedRows(Value sent, RankedTensorType whole, int64_t positions,
                               const NeededRows &needed) {
  const int64_t all = needed.keys.below(whole.getDimSize(positions));
  return ReshapeOp::create(b, withPositions(whole, positions, all), swapped(sent));
}

Value Distributor::scatteredRows(Value gradient, int64_t positions, const NeededRows &needed) {
  const RankedTensorType type = typeOf(gradient);
  const int64_t size = needed.keys.below(needed.block) * stepOf(type.getShape(), positions),
                places = type.getNumElements() / (count * size);
  Value all = swapped(ReshapeOp::create(b, type.clone({places, count, size}), gradient));
  return ReduceScatterOp::create(b, type.clone({1, places, size}), all, 0, axis, count);
}

/// Zeros where the other positions of a part are: rows of any others, which a condition drops.
Value Distributor::paddedRows(Value rows, RankedTensorType part, int64_t positions,
                              const NeededRows &needed) {
  const PositionsAttr which = needed.keys;
  if (which.areAll())
    return ReshapeOp::create(b, part, rows);
  const int64_t row = stepOf(part.getShape(), positions), period = which.getPeriod(),
                first = which.getFirst(), width = which.getWidth();
  Value from = indices(part.getNumElements() / row, {period, first, width, 1},
                       [&](const Numbers &n, Value place) {
                         Value ofPeriod = n.times(n.divided(place, period), width);
                         return n.sum(n.sum(ofPeriod, n.rest(place, period)), n.constant(-first));
                       });
  const Numbers n(b, RankedTensorType::get({part.getDimSize(positions)}, b.getI32Type()));
  Value place = n.sum(n.rest(n.places(0), period), n.constant(-first));
  Value isOne = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, place, n.constant(width));
  Value areThese = BroadcastOp::create(b, part.clone(b.getI1Type()), isOne, ArrayRef(positions));
  return arith::SelectOp::create(b, areThese, pickedRows(rows, row, part, from),
                                 splat(b, b.getLoc(), part, 0));
}

void Distributor::attentionByRows(AttentionOp op, const NeededRows &rows) {
  const MarkAlike marked(op);
  const int64_t dim = positionsDim(op.getLayout()), n = typeOf(op.getQuery()).getDimSize(dim);
  const Placement byPositions = inBlocks(dim, n, rows.block), ofSums = inBlocks(2, n, rows.block);
  Value query = in(op.getQuery(), byPositions), key = in(op.getKey(), byPositions),
        value = in(op.getValue(), byPositions);
  const Type outputType = localType(typeOf(op.getOutput()), byPositions),
             sumType = localType(typeOf(op.getLogsumexp()), ofSums);
  // Keys of other devices are on their way while queries meet their own.
  Value sentKeys, sentValues;
  if (rows.areAny()) {
    sentKeys = sentRows(op.getKey(), dim, rows);
    sentValues = sentRows(op.getValue(), dim, rows);
  }
  Value output, logsumexp;
  if (rows.own) {
    auto own = AttentionOp::create(b, outputType, sumType, query, key, value, op.getScaleAttr(),
                                   rows.own, op.getLayoutAttr());
    output = own.getOutput(), logsumexp = own.getLogsumexp();
  }
  if (rows.areAny()) {
    Value keys = orderedRows(sentKeys, typeOf(op.getKey()), dim, rows),
          values = orderedRows(sentValues, typeOf(op.getValue()), dim, rows);
    knownRows[{op.getKey(), rows.keys}] = keys;
    knownRows[{op.getValue(), rows.keys}] = values;
    auto others = AttentionChunkOp::create(b, outputType, sumType, query, keys, values, rank(),
                                           output, logsumexp, b.getI64IntegerAttr(count),
                                           b.getI64IntegerAttr(rows.block), rows.keys,
                                           op.getScaleAttr(), rows.gathered, op.getLayoutAttr());
    output = others.getOutput(), logsumexp = others.getLogsumexp();
  }
  define(op.getOutput(), byPositions, output);
  define(op.getLogsumexp(), ofSums, logsumexp);
}

void Distributor::attentionByRows(AttentionGradOp op, const NeededRows &rows) {
  const MarkAlike marked(op);
  const int64_t dim = positionsDim(op.getLayout()), n = typeOf(op.getQuery()).getDimSize(dim);
  const Placement byPositions = inBlocks(dim, n, rows.block), ofSums = inBlocks(2, n, rows.block);
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(in(operand, operand == op.getLogsumexp() ? ofSums : byPositions));
  auto types = llvm::map_to_vector(op->getResultTypes(), [&](Type type) -> Type {
    return localType(cast<RankedTensorType>(type), byPositions);
  });
  Value sentKeys, sentValues;
  SmallVector<Value> gradients;
  if (rows.areAny()) {
    auto known = [&](Value value) {
      Value &ordered = knownRows[{value, rows.keys}];
      if (!ordered)
        ordered = orderedRows(sentRows(value, dim, rows), typeOf(value), dim, rows);
      return ordered;
    };
    Value keys = known(op.getKey()), values = known(op.getValue());
    auto others = AttentionChunkGradOp::create(
        b, types[0], keys.getType(), values.getType(), operands[0], keys, values, operands[3],
        operands[4], operands[5], rank(), b.getI64IntegerAttr(count),
        b.getI64IntegerAttr(rows.block), rows.keys, op.getScaleAttr(), rows.gathered,
        op.getLayoutAttr());
    gradients = {others.getQueryGrad()};
    sentKeys = scatteredRows(others.getKeyGrad(), dim, rows);
    sentValues = scatteredRows(others.getValueGrad(), dim, rows);
  }
  SmallVector<Value> own;
  if (rows.own)
    llvm::append_range(own, AttentionGradOp::create(b, types[0], types[1], types[2], operands[0],
                                                    operands[1], operands[2], operands[3],
                                                    operands[4], operands[5], op.getScaleAttr(),
                                                    rows.own, op.getLayoutAttr())
                                .getResults());
  if (rows.areAny()) {
    gradients.push_back(paddedRows(sentKeys, cast<RankedTensorType>(types[1]), dim, rows));
    gradients.push_back(paddedRows(sentValues, cast<RankedTensorType>(types[2]), dim, rows));
  }
  for (auto [number, result] : llvm::enumerate(op->getResults())) {
    Value gradient = own.empty() ? gradients[number]
                     : gradients.empty()
                         ? own[number]
                         : Value(arith::AddFOp::create(b, own[number], gradients[number]));
    define(result, byPositions, gradient);
  }
}

template <typename Op> AttentionOverDevices Distributor::overDevices(Op op) const {
  const AttentionShape query(op.getQuery(), op.getLayout()), key(op.getKey(), op.getLayout());
  AttentionOverDevices attention;
  attention.queryHeads = query.heads;
  attention.keyHeads = key.heads;
  attention.querySize = key.size;
  attention.valueSize = AttentionShape(op.getValue(), op.getLayout()).size;
  attention.elementBytes = typeOf(op.getKey()).getElementTypeBitWidth() / 8;
  attention.positions = query.positions;
  attention.devices = count;
  attention.byHeads =
      query.heads % count == 0 && key.heads % count == 0 &&
      op.getPattern().inTurn(query.heads) == op.getPattern().inTurn(query.heads / count);
  return attention;
}

template <typename Op> LogicalResult Distributor::attentionByPositions(Op op) {
  AttentionOverDevices attention = overDevices(op);
  const Placement own = placementOf(op.getQuery());
  const bool areDealt = own.isDealt() && own.dim == positionsDim(op.getLayout());
  // Blocks would have to become one run first.
  attention.byHeads &= own.block == attention.positions;
  auto refuse = [&](StringRef other) {
    return op.emitOpError("expected attention that exchanges ")
           << (choice == ExchangeChoice::Heads ? "heads" : "rows") << " over \"" << axis.getValue()
           << "\", as is asked for, found one that can only exchange " << other << ": "
           << op.getPattern();
  };
  if (areDealt)
    if (auto rows = neededRows(op.getPattern(), attention.queryHeads, attention.positions, count,
                               own.block / count);
        rows && chooseExchange(attention, *rows, choice) == Exchange::Rows) {
      if (choice == ExchangeChoice::Heads)
        return refuse("rows");
      return attentionByRows(op, *rows), success();
    }
  if (choice == ExchangeChoice::Rows)
    return refuse("heads");
  return attentionByHeads(op, op.getLayout(), op.getPattern());
}

void Distributor::chooseBlocks() {
  if (block > 0)
    return;
  SmallVector<PatternOverDevices> all;
  function.walk([&](AttentionOp op) { all.push_back({overDevices(op), op.getPattern()}); });
  auto isAlike = [&](const PatternOverDevices &one) {
    return one.attention.positions == all.front().attention.positions;
  };
  // Tokens are dealt anew in no time; rows of features are not.
  auto isSmall = [&](BlockArgument argument) {
    return !placementOf(argument).isDealt() || typeOf(argument).getRank() <= 2;
  };
  if (!all.empty() && all.front().attention.positions % count == 0 && llvm::all_of(all, isAlike) &&
      llvm::all_of(function.getArguments(), isSmall))
    block = chooseBlock(all, choice);
}

void Distributor::dealInBlocks(Value argument) {
  const Placement own = placementOf(argument);
  if (block == 0 || !own.isDealt() || own.block % (block * count) != 0 ||
      own.block == block * count)
    return;
  auto isOfSequence = [&](AttentionOp op) {
    return AttentionShape(op.getQuery(), op.getLayout()).positions == own.block;
  };
  if (llvm::none_of(function.getOps<AttentionOp>(), isOfSequence))
    return;
  const RankedTensorType type = typeOf(argument);
  const Placement inTurn = inBlocks(own.dim, own.block, block);
  Value local = in(argument, own), part = cut(gathered(local, type, own), type, inTurn);
  define(argument, inTurn, part);
  known[argument].values[own] = local;
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
      return attentionByPositions(attention);
    if (auto gradient = dyn_cast<AttentionGradOp>(op))
      return attentionByPositions(gradient);
    return op->emitOpError("expected operands that are dealt by sequences alone over \"")
           << axis.getValue() << "\"";
  }
  auto operands = llvm::map_to_vector(op->getOperands(), [&](Value value) {
    return in(value, typeOf(value).getRank() > 0 ? placement : Placement::whole());
  });
  rebuild(op, operands, SmallVector<Placement>(op->getNumResults(), placement));
  return success();
}

//===- Environment.cpp - running a block op by op -------------------------===//

#include "compiler/Reference/Environment.h"

#include <llvm/ADT/TypeSwitch.h>

using namespace mlir;
using namespace stc;
using namespace stc::reference;

FailureOr<const KeysOfQueries *> PatternTable::find(Operation *user, StringRef text, int64_t n) {
  auto [entry, added] = found.try_emplace({text.str(), n});
  KeysOfQueries &keys = entry->second;
  if (!added)
    return &keys;
  auto pattern = pattern::Pattern::parse(text, n);
  if (!pattern) {
    found.erase(entry);
    return user->emitError() << "in pattern \"" << text << "\" over " << n
                             << " positions: " << pattern.error().message;
  }
  keys.resize(n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      if (pattern->contains(i, j))
        keys[i].push_back(j);
  return &keys;
}

LogicalResult Environment::forEachQuery(Operation *user, PatternAttr pattern, int64_t batch,
                                        int64_t heads, int64_t n, Visit visit) {
  const std::vector<std::string> texts = pattern.inTurn(heads);
  for (int64_t h = 0; h < heads; ++h) {
    auto keys = patterns.find(user, texts[h % texts.size()], n);
    if (failed(keys))
      return failure();
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t i = 0; i < n; ++i)
        visit(b, h, i, (**keys)[i]);
  }
  return success();
}

/// Elementwise ops compute pairs that do not exist too; here these become 0 again.
LogicalResult Environment::clearOffPattern(Operation *user, Value value) {
  PatternAttr pattern = patternOf(value.getType());
  if (!pattern)
    return success();
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  int64_t heads = shape[1], n = shape[2];
  if (n != shape[3])
    return user->emitError() << "expected as many queries as keys, found " << n << " and "
                             << shape[3];
  std::vector<double> &floats = (*this)[value].floats, cleared(floats.size());
  auto keep = [&](int64_t b, int64_t h, int64_t i, ArrayRef<int64_t> keys) {
    int64_t row = ((b * heads + h) * n + i) * n;
    for (int64_t j : keys)
      cleared[row + j] = floats[row + j];
  };
  if (failed(forEachQuery(user, pattern, shape[0], heads, n, keep)))
    return failure();
  floats.swap(cleared);
  return success();
}

static double rounded(double number, FloatType type) {
  APFloat result(number);
  bool losesInfo;
  result.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
  return result.convertToDouble();
}

double Environment::roundInside(double number, Value tensor, double unit) const {
  if (rounding != Rounding::Inside)
    return number;
  auto type = cast<FloatType>(getElementTypeOrSelf(tensor.getType()));
  return unit * rounded(number / unit, type);
}

void Environment::round(Value value) const {
  if (rounding == Rounding::None)
    return;
  MLIRContext *context = value.getContext();
  Type element = getElementTypeOrSelf(value.getType());
  auto type =
      rounding == Rounding::Float32 ? Float32Type::get(context) : dyn_cast<FloatType>(element);
  for (double &number : values.at(value)->floats)
    number = rounded(number, type);
}

FailureOr<std::vector<Tensor>> Environment::run(Block &block, ArrayRef<Tensor> inputs) {
  if (failed(begin(block, inputs)))
    return failure();
  for (Operation &op : block.without_terminator()) {
    if (failed(compute(&op)))
      return failure();
    settle(&op);
  }
  return finish(block);
}

void Environment::placeOn(const Devices &grid, int64_t number, ArrayRef<Environment *> others) {
  devices = &grid;
  device = number;
  all = SmallVector<Environment *>(others);
}

int64_t Environment::rank(StringRef axis) const {
  return devices ? devices->rank(device, std::string_view(axis)) : 0;
}

FailureOr<SmallVector<Environment *>> Environment::along(Operation *op, StringRef axis,
                                                         int64_t count) {
  SmallVector<Environment *> met;
  if (!devices)
    met.push_back(this);
  else
    for (int64_t other : devices->along(device, std::string_view(axis)))
      met.push_back(all[other]);
  if (int64_t(met.size()) != count)
    return op->emitOpError("expected an axis \"")
           << axis << "\" of " << count << " devices, found " << met.size();
  return met;
}

LogicalResult Environment::begin(Block &block, ArrayRef<Tensor> inputs) {
  for (auto [argument, input] : llvm::zip_equal(block.getArguments(), inputs)) {
    values[argument] = std::make_unique<Tensor>(input);
    usesLeft[argument] = llvm::range_size(argument.getUses());
    if (failed(clearOffPattern(block.getParentOp(), argument)))
      return failure();
  }
  return success();
}

std::vector<Tensor> Environment::finish(Block &block) {
  std::vector<Tensor> results;
  for (Value value : block.getTerminator()->getOperands())
    results.push_back((*this)[value]);
  release(block.getTerminator());
  return results;
}

LogicalResult Environment::compute(Operation *op) {
  for (Value result : op->getResults()) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type || !type.hasStaticShape() || !type.getElementType().isIntOrFloat())
      return op->emitOpError("expected tensors of static shape as results, found ")
             << result.getType();
    values[result] = std::make_unique<Tensor>(Tensor::zeros(type));
    usesLeft[result] = llvm::range_size(result.getUses());
  }
  LogicalResult done =
      llvm::TypeSwitch<Operation *, LogicalResult>(op)
          .Case<ReadOp, WriteOp, arith::ConstantOp, IotaOp, RandomOp, BroadcastOp, ReduceOp,
                ReshapeOp, SplitOp, ConcatOp, PinOp, StopGradientOp, MatmulOp, GatherOp,
                ScatterAddOp, InsertRowOp, ScoresOp, SoftmaxOp, SoftmaxGradOp, AggregateOp,
                AttentionOp, AttentionGradOp, AttentionChunkOp, AttentionChunkGradOp,
                AttentionRowOp, RankOp, AllSliceOp, AllGatherOp, AllReduceOp, AllToAllOp,
                ReduceScatterOp, FusedOp, FusedProductOp, GradientOp, func::CallOp>(
              [&](auto known) { return evaluate(known, *this); })
          .Default([&](Operation *other) { return evaluateElementwise(other, *this); });
  if (failed(done))
    return failure();
  for (Value result : op->getResults()) {
    if (failed(clearOffPattern(op, result)))
      return failure();
    round(result);
  }
  return success();
}

void Environment::settle(Operation *op) {
  for (Value result : op->getResults())
    if (usesLeft[result] == 0)
      values.erase(result);
  release(op);
}

/// Values go with their last use, so that a whole training step fits into memory.
void Environment::release(Operation *user) {
  for (Value operand : user->getOperands())
    if (--usesLeft[operand] == 0)
      values.erase(operand);
}

//===- LowerSweep.cpp - work over columns in the lanes of a warp ----------===//
//
// All loads of some steps come first, so that they are under way together; then each step's work.
// What is combined over the columns is a tree in each lane, and one across the lanes in which all
// of them get the same bits.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/RowEmitter.h"

#include <limits>

using namespace mlir;
using namespace stc;

namespace {
using Values = RowEmitter::Values;

class SweepEmitter {
public:
  SweepEmitter(RowEmitter &rows, tile::SweepOp op)
      : rows(rows), e(rows.e), b(rows.b), op(op), combine(op.getCombine()), columns(op) {}

  void run() {
    Values totals;
    const int64_t together = rows.lanes.stepsAtOnce(op), most = together * stepColumns();
    Value lower = rows.mapping.lookup(op.getLower()), upper = rows.mapping.lookup(op.getUpper());
    if (columns.most <= most) {
      totals = steps(lower, together, columns.length.value_or(0), neutral());
    } else {
      Value length = e.sub(upper, lower), chunk = rows.index(most);
      Value whole =
          arith::MulIOp::create(b, Value(arith::DivUIOp::create(b, length, chunk)), chunk);
      if (columns.length)
        whole = rows.index(*columns.length / most * most);
      Value end = e.add(lower, whole);
      totals = e.loop(lower, end, chunk, neutral(), [&](Value first, ValueRange carried) {
        return steps(first, together, most, carried);
      });
      totals = rest(end, upper, together, totals);
    }
    for (auto [k, result] : llvm::enumerate(op.getResults()))
      rows.mapping.map(result, acrossLanes(k, totals[k]));
  }

private:
  int64_t stepColumns() const { return rows.lanes.stepColumns(); }

  /// What is left of columns that are not a whole number of chunks.
  Values rest(Value first, Value upper, int64_t together, const Values &totals) {
    if (columns.length) {
      int64_t left = *columns.length % (together * stepColumns());
      return left ? steps(first, llvm::divideCeil(left, stepColumns()), left, totals) : totals;
    }
    return e.choose(
        e.compare(arith::CmpIPredicate::ult, first, upper), ValueRange(totals).getTypes(),
        [&] { return steps(first, together, 0, totals); }, [&] { return totals; });
  }

  //===--- steps ----------------------------------------------------------===//

  /// Some steps from a column on, of which the first `sure` ones exist. Gives what is combined.
  Values steps(Value first, int64_t count, int64_t sure, ValueRange carried) {
    SmallVector<LaneColumns> at;
    for (int64_t step = 0; step < count; ++step)
      at.push_back(rows.columnsOf(op, first, step, (step + 1) * stepColumns() > sure));
    own.assign(count, DenseMap<Value, Values>());
    uniform = rows.mapping;
    SmallVector<Value> written;
    SmallVector<Operation *> later;
    for (Operation &inner : op.getBody().front().without_terminator()) {
      auto load = dyn_cast<memref::LoadOp>(inner);
      if (load && isOfLane(load) && !llvm::is_contained(written, load.getMemRef())) {
        for (int64_t step = 0; step < count; ++step)
          own[step][load] = loaded(load, at[step], step);
        continue;
      }
      if (auto store = dyn_cast<memref::StoreOp>(inner))
        written.push_back(store.getMemRef());
      later.push_back(&inner);
    }
    SmallVector<Values> partials(op.getNumResults());
    for (int64_t step = 0; step < count; ++step) {
      for (Operation *inner : later)
        compute(*inner, at[step], step);
      for (auto [k, value] : llvm::enumerate(combine.getValues()))
        for (Value element : elementsOf(value, at[step], step))
          partials[k].push_back(at[step].exist ? e.select(at[step].exist, element, neutralOf(k))
                                               : element);
    }
    Values totals;
    for (auto [k, values] : llvm::enumerate(partials)) {
      values.push_back(carried[k]);
      totals.push_back(tree(k, std::move(values)));
    }
    return totals;
  }

  bool isOfLane(memref::LoadOp load) {
    return !load.getIndices().empty() && op.getOffset(load.getIndices().back());
  }

  Values loaded(memref::LoadOp load, const LaneColumns &at, int64_t step) {
    if (auto early = rows.early.find(load); early != rows.early.end())
      return Values(ArrayRef(early->second).slice(step * rows.lanes.vector, rows.lanes.vector));
    auto sum = rows.sums.find(load.getMemRef());
    if (sum == rows.sums.end())
      return rows.load(load, op, at);
    auto begin = sum->second.begin() + step * rows.lanes.vector;
    return Values(begin, begin + rows.lanes.vector);
  }

  void compute(Operation &inner, const LaneColumns &at, int64_t step) {
    if (auto store = dyn_cast<memref::StoreOp>(inner)) {
      Values values = elementsOf(store.getValueToStore(), at, step);
      auto sum = rows.sums.find(store.getMemRef());
      if (sum == rows.sums.end())
        rows.store(values, store.getMemRef(), store.getIndices(), op, at);
      else
        llvm::copy(values, sum->second.begin() + step * rows.lanes.vector);
      return;
    }
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      if (isOfLane(load)) {
        own[step][load] = loaded(load, at, step);
      } else if (!uniform.contains(load)) {
        auto indices = llvm::map_to_vector(load.getIndices(),
                                           [&](Value index) { return rows.mapping.lookup(index); });
        uniform.map(load.getResult(),
                    LLVM::LoadOp::create(b, load.getType(), rows.address(load.getMemRef(), indices))
                        .getResult());
      }
      return;
    }
    if (llvm::none_of(inner.getOperands(), [&](Value operand) { return isOwn(operand, step); })) {
      if (!uniform.contains(inner.getResult(0)))
        rows.clone(inner, uniform);
      return;
    }
    SmallVector<Values> operands = llvm::map_to_vector(
        inner.getOperands(), [&](Value operand) { return elementsOf(operand, at, step); });
    for (int64_t v = 0; v < rows.lanes.vector; ++v) {
      IRMapping element;
      for (auto [k, operand] : llvm::enumerate(inner.getOperands()))
        element.map(operand, operands[k][v]);
      Operation *clone = rows.clone(inner, element);
      for (auto [from, to] : llvm::zip(inner.getResults(), clone->getResults()))
        own[step][from].push_back(to);
    }
  }

  bool isOwn(Value value, int64_t step) {
    return value == op.getColumn() || own[step].contains(value);
  }

  /// V elements of a value.
  Values elementsOf(Value value, const LaneColumns &at, int64_t step) {
    if (auto found = own[step].find(value); found != own[step].end())
      return found->second;
    Values all(rows.lanes.vector, value == op.getColumn() ? at.first : uniform.lookup(value));
    if (value == op.getColumn())
      for (int64_t v = 1; v < rows.lanes.vector; ++v)
        all[v] = e.add(all[v], rows.index(v));
    return all;
  }

  //===--- combining ------------------------------------------------------===//

  Value neutralOf(unsigned k) {
    bool isSum = combine.getCombiner(k) == tile::Combiner::Sum;
    double value = isSum ? 0 : -std::numeric_limits<double>::infinity();
    return arith::ConstantOp::create(b, b.getFloatAttr(op.getResult(k).getType(), value));
  }
  Values neutral() {
    Values all;
    for (unsigned k = 0; k < op.getNumResults(); ++k)
      all.push_back(neutralOf(k));
    return all;
  }

  Value combined(unsigned k, Value l, Value r) {
    if (combine.getCombiner(k) == tile::Combiner::Sum)
      return arith::AddFOp::create(b, l, r);
    return arith::MaximumFOp::create(b, l, r);
  }

  Value tree(unsigned k, Values values) {
    for (size_t half; values.size() > 1; values.resize(half)) {
      half = (values.size() + 1) / 2;
      for (size_t i = 0; i + half < values.size(); ++i)
        values[i] = combined(k, values[i], values[i + half]);
    }
    return values[0];
  }

  Value acrossLanes(unsigned k, Value value) {
    for (int64_t mask = kWarpLanes / 2; mask > 0; mask /= 2)
      value = combined(k, value, e.shuffle(value, mask));
    return value;
  }

  RowEmitter &rows;
  CudaEmitter &e;
  ImplicitLocOpBuilder &b;
  tile::SweepOp op;
  tile::CombineOp combine;
  SweepColumns columns;
  IRMapping uniform;                        // what all lanes have in the same way
  SmallVector<DenseMap<Value, Values>> own; // of each step: V elements of a lane
};
} // namespace

void stc::emitEarlyLoads(RowEmitter &rows, Block &block) {
  for (auto constant : block.getOps<arith::ConstantOp>())
    rows.clone(*constant, rows.mapping);
  for (auto sweep : block.getOps<tile::SweepOp>()) {
    SweepColumns columns(sweep);
    const int64_t steps = rows.lanes.stepsAtOnce(sweep), stepColumns = rows.lanes.stepColumns();
    Value lower = rows.mapping.lookupOrNull(sweep.getLower());
    if (!lower || !columns.length || *columns.length > steps * stepColumns)
      continue;
    for (auto load : sweep.getBody().getOps<memref::LoadOp>()) {
      ValueRange indices = load.getIndices();
      auto isKnown = [&](Value index) { return rows.mapping.contains(index); };
      bool isWritten = llvm::any_of(load.getMemRef().getUsers(), [&](Operation *user) {
        auto store = dyn_cast<memref::StoreOp>(user);
        return store && store.getMemRef() == load.getMemRef();
      });
      if (isWritten || indices.empty() || indices.back() != sweep.getColumn() ||
          !llvm::all_of(indices.drop_back(), isKnown))
        continue;
      for (int64_t step = 0; step < steps; ++step)
        rows.early[load].append(rows.load(
            load, sweep,
            rows.columnsOf(sweep, lower, step, (step + 1) * stepColumns > *columns.length)));
    }
  }
}

void stc::emitSweep(RowEmitter &rows, tile::SweepOp sweep) { SweepEmitter(rows, sweep).run(); }

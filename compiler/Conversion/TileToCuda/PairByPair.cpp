//===- PairByPair.cpp - rows of attention computed pair by pair -----------===//

#include "compiler/Conversion/TileToCuda/PairByPair.h"

#include <numbers>

using namespace mlir;
using namespace stc;
using Values = CudaEmitter::Values;

static constexpr float kNone = -std::numeric_limits<float>::infinity();

namespace {
/// A row of a tensor.
struct Row {
  const CudaTensor &tensor;
  Value position;
  const CudaItem &item;
};

class Pairs {
public:
  Pairs(CudaKernel &kernel, Value column) : column(column), kernel(kernel), e(kernel.emitter()) {}

  /// The lane's elements of a row.
  Values load(const Row &row) const {
    return kernel.loadRow(row.tensor, row.position, row.item, column,
                          llvm::alignTo(row.tensor.size(), 8));
  }
  /// The product of two rows, by the four lanes that have them.
  Value dot(const Row &left, const Row &right) const;
  /// Runs the body for each of the lane's rows, as far as they exist; others are the last one, and
  /// `exists` says so. Lanes stay together.
  void eachRow(const LaneRows &rows, Value count,
               llvm::function_ref<void(Value row, Value exists)> body) const;

  const Value column;

private:
  CudaKernel &kernel;
  CudaEmitter &e;
};
} // namespace

Value Pairs::dot(const Row &left, const Row &right) const {
  Value sum =
      e.loop(e.i(0), e.i(left.tensor.size()), e.i(8), e.f(0), [&](Value first, ValueRange all) {
        auto load = [&](const Row &row) {
          return kernel.loadRow(row.tensor, row.position, row.item, e.add(column, first), 8);
        };
        Value sum = all[0];
        for (auto [l, r] : llvm::zip_equal(load(left), load(right)))
          sum = e.fma(l, r, sum);
        return Values{sum};
      })[0];
  sum = e.addf(sum, e.shuffle(sum, 1));
  return e.addf(sum, e.shuffle(sum, 2));
}

void Pairs::eachRow(const LaneRows &rows, Value count,
                    function_ref<void(Value, Value)> body) const {
  e.loop(e.i(0), e.i(8 * rows.count), e.i(8), {}, [&](Value behind, ValueRange) {
    Value row = e.add(rows.first, behind);
    body(e.min(row, e.sub(count, 1)), e.less(row, count));
    return Values();
  });
}

void stc::attendByPairs(CudaKernel &kernel, tile::AttentionOp op, const CudaItem &item,
                        const WalkTiles &tiles, const LaneRows &rows) {
  CudaEmitter &e = kernel.emitter();
  const Pairs pairs(kernel, rows.column);
  const CudaTensor query(op.getQuery()), key(op.getKey()), value(op.getValue()),
      output(op.getOutput()), logsumexp(op.getLogsumexp());
  const CudaItem keys = item.ofKeys();
  const float scale = op.getScale().convertToFloat();
  Value factor = e.f(scale * std::numbers::log2e_v<float>);
  Value count = rowCount(e, op.getView(), item.residue, output.positions());
  pairs.eachRow(rows, count, [&](Value row, Value exists) {
    Value position = rowPosition(e, op.getView(), item.residue, row);
    Value logsumexpAt = kernel.address(logsumexp, item.batch, item.head, position);
    // Whether there is a key, the maximum, the sum of weights, and that of values.
    Values state = {e.no(), e.f(kNone), e.f(0)};
    if (op.getResume()) { // other parts as one key: their log-sum-exp, and their output
      Value before = LLVM::LoadOp::create(e.b, e.f32, logsumexpAt);
      state[0] = e.notLess(before, kCudaNoKeyBound);
      state[1] = e.select(state[0], e.mulf(before, e.f(1 / scale)), e.f(kNone));
      // 1, or NaN
      state[2] = e.select(state[0], e.fma(before, e.f(0), e.f(1)), e.f(0));
      for (Value element : pairs.load({output, position, item}))
        state.push_back(e.select(state[0], element, e.f(0)));
    } else {
      state.append(llvm::alignTo(output.size(), 8) / 4, e.f(0));
    }
    state = tiles.eachRow(state, [&](const WalkRange &range, Value other, ValueRange all) {
      Value isPair = tiles.isPair(range, {{row, row}, false, {}, {}}, 0, other);
      Value keyAt = rowPosition(e, tiles.view(range.walk), tiles.residueOf(range.walk), other);
      Value score = pairs.dot({query, position, item}, {key, keyAt, keys});
      Value most = e.maxf(all[1], score);
      Value shift = e.select(e.equalf(most, kNone), e.f(0), e.negf(e.mulf(most, factor)));
      Value weight = e.exp2(e.fma(score, factor, shift));
      Value rescale = e.exp2(e.fma(all[1], factor, shift));
      Values next = {e.yes(), most, e.fma(all[2], rescale, weight)};
      for (auto [sum, element] :
           llvm::zip_equal(all.drop_front(3), pairs.load({value, keyAt, keys})))
        next.push_back(e.fma(element, weight, e.mulf(sum, rescale)));
      for (auto [after, before] : llvm::zip_equal(next, all))
        after = e.select(isPair, after, before);
      return next;
    });
    // A row without a key has zeros; one whose scores all are minus infinity NaN, as 0 / 0 is.
    Value hasKey = op.getNonempty() ? e.yes() : state[0],
          inverse = e.select(hasKey, e.reciprocal(state[2]), e.f(0));
    Values results;
    for (size_t k = 3; k < state.size(); k += 2)
      results.append({e.mulf(state[k], inverse), e.mulf(state[k + 1], inverse), e.f(0), e.f(0)});
    e.ifThen(exists, [&] {
      kernel.storeRow(output, position, item, rows.column, results, 0);
      e.ifThen(e.equal(rows.column, 0), [&] {
        Value natural =
            e.fma(state[1], e.f(scale), e.mulf(e.log2(state[2]), e.f(std::numbers::ln2_v<float>)));
        LLVM::StoreOp::create(e.b, e.select(hasKey, natural, e.f(kCudaNoKey)), logsumexpAt);
      });
    });
  });
}

namespace {
/// What one pair adds to gradients, of an op with queries, keys, values, and the gradient of their
/// output.
class PairGradients {
public:
  template <typename Op>
  PairGradients(CudaKernel &kernel, Op op, Value column)
      : pairs(kernel, column), query(op.getQuery()), key(op.getKey()), value(op.getValue()),
        outputGrad(op.getOutputGrad()), kernel(kernel), e(kernel.emitter()),
        logsumexp(op.getLogsumexp()), delta(op.getDelta()), scale(op.getScale().convertToFloat()),
        resumes(op.getResume()) {}

  /// The weight, and the gradient of the score without the scale.
  struct Pair {
    Value weight, scoreGrad;
  };
  Pair at(const CudaItem &item, Value queryAt, Value keyAt) const;
  /// Adds to the sums, as far as the lane's row is one of a pair, a row times a factor.
  Values add(ValueRange sums, const Row &row, Value factor, Value isPair) const;
  /// Writes the lane's part of a row.
  void store(const Row &row, ValueRange sums, float factor) const;

  const Pairs pairs;
  const CudaTensor query, key, value, outputGrad;

private:
  CudaKernel &kernel;
  CudaEmitter &e;
  const CudaTensor logsumexp, delta;
  const float scale;
  const bool resumes;
};
} // namespace

PairGradients::Pair PairGradients::at(const CudaItem &item, Value queryAt, Value keyAt) const {
  auto load = [&](const CudaTensor &tensor) -> Value {
    return LLVM::LoadOp::create(e.b, e.f32, kernel.address(tensor, item.batch, item.head, queryAt));
  };
  constexpr float log2e = std::numbers::log2e_v<float>;
  const CudaItem keys = item.ofKeys();
  Value score = pairs.dot({query, queryAt, item}, {key, keyAt, keys});
  Value grad = pairs.dot({outputGrad, queryAt, item}, {value, keyAt, keys});
  Value weight = e.exp2(e.fma(score, e.f(scale * log2e), e.mulf(load(logsumexp), e.f(-log2e))));
  return {weight, e.mulf(weight, e.subf(grad, load(delta)))};
}

Values PairGradients::add(ValueRange sums, const Row &row, Value factor, Value isPair) const {
  Values result;
  for (auto [sum, element] : llvm::zip_equal(sums, pairs.load(row)))
    result.push_back(e.select(isPair, e.fma(element, factor, sum), sum));
  return result;
}

void PairGradients::store(const Row &row, ValueRange sums, float factor) const {
  Values before(sums.size(), e.f(0)), results;
  if (resumes)
    before = pairs.load(row);
  auto at = [&](size_t k) { return e.fma(sums[k], e.f(factor), before[k]); };
  for (size_t k = 0; k < sums.size(); k += 2)
    results.append({at(k), at(k + 1), e.f(0), e.f(0)});
  kernel.storeRow(row.tensor, row.position, row.item, pairs.column, results, 0);
}

void stc::addQueryGradsByPairs(CudaKernel &kernel, tile::AttentionQueryGradOp op,
                               const CudaItem &item, const WalkTiles &tiles, const LaneRows &rows) {
  CudaEmitter &e = kernel.emitter();
  const PairGradients gradients(kernel, op, rows.column);
  const CudaTensor queryGrad(op.getQueryGrad());
  Value count = rowCount(e, op.getView(), item.residue, queryGrad.positions());
  gradients.pairs.eachRow(rows, count, [&](Value row, Value exists) {
    Value position = rowPosition(e, op.getView(), item.residue, row);
    Values sums(llvm::alignTo(queryGrad.size(), 8) / 4, e.f(0));
    sums = tiles.eachRow(sums, [&](const WalkRange &range, Value other, ValueRange all) {
      Value isPair = tiles.isPair(range, {{row, row}, false, {}, {}}, 0, other);
      Value keyAt = rowPosition(e, tiles.view(range.walk), tiles.residueOf(range.walk), other);
      return gradients.add(all, {gradients.key, keyAt, item.ofKeys()},
                           gradients.at(item, position, keyAt).scoreGrad, isPair);
    });
    e.ifThen(exists, [&] {
      gradients.store({queryGrad, position, item}, sums, op.getScale().convertToFloat());
    });
  });
}

void stc::addKeyGradsByPairs(CudaKernel &kernel, tile::AttentionKeyGradOp op, const CudaItem &item,
                             const WalkTiles &tiles, const LaneRows &rows) {
  CudaEmitter &e = kernel.emitter();
  const PairGradients gradients(kernel, op, rows.column);
  const CudaTensor keyGrad(op.getKeyGrad()), valueGrad(op.getValueGrad());
  Value count = rowCount(e, op.getView(), item.residue, keyGrad.positions());
  gradients.pairs.eachRow(rows, count, [&](Value row, Value exists) {
    Value position = rowPosition(e, op.getView(), item.residue, row);
    const size_t ofKey = llvm::alignTo(keyGrad.size(), 8) / 4,
                 ofValue = llvm::alignTo(valueGrad.size(), 8) / 4;
    auto eachQuery = [&](const CudaItem &item, ValueRange carried) {
      return tiles.eachRow(carried, [&](const WalkRange &range, Value other, ValueRange all) {
        Value isPair = tiles.isPair(range, {{row, row}, true, {}, {}}, 0, other);
        Value queryAt = rowPosition(e, tiles.view(range.walk), tiles.residueOf(range.walk), other);
        const auto pair = gradients.at(item, queryAt, position);
        Values sums = gradients.add(all.take_front(ofKey), {gradients.query, queryAt, item},
                                    pair.scoreGrad, isPair);
        sums.append(gradients.add(all.drop_front(ofKey), {gradients.outputGrad, queryAt, item},
                                  pair.weight, isPair));
        return sums;
      });
    };
    const Values sums = eachHead(e, op, item, Values(ofKey + ofValue, e.f(0)), eachQuery);
    e.ifThen(exists, [&] {
      gradients.store({keyGrad, position, item.ofKeys()}, ValueRange(sums).take_front(ofKey),
                      op.getScale().convertToFloat());
      gradients.store({valueGrad, position, item.ofKeys()}, ValueRange(sums).drop_front(ofKey), 1);
    });
  });
}

void stc::addSpecialKeysByPairs(CudaKernel &kernel, tile::AttentionKeyGradOp op,
                                const CudaItem &item, const WalkTiles &tiles,
                                const LaneGroup &lanes) {
  CudaEmitter &e = kernel.emitter();
  const PairGradients gradients(kernel, op, lanes.column);
  const CudaTensor key(op.getKey()), querySum(op.getQuerySum());
  Value first = e.mul(item.tile, op.getRows());
  Value end =
      e.min(e.add(first, op.getRows()), rowCount(e, op.getView(), item.residue, key.positions()));
  const CudaItem keys = item.ofKeys();
  auto keyRow = [&](Value row) -> Row {
    return {key, rowPosition(e, op.getView(), item.residue, row), keys};
  };
  // Each warp looks at all keys, so that all come to the same.
  Value total = e.loop(first, end, e.i(8), e.f(0), [&](Value base, ValueRange all) {
    Value row = e.min(e.add(base, e.rem(lanes.number, 8)), e.sub(end, 1)), sum = all[0];
    for (Value element : gradients.pairs.load(keyRow(row)))
      sum = e.fma(element, e.f(0), sum);
    return Values{sum};
  })[0];

  auto addQuery = [&](const CudaItem &one, const WalkRange &range, Value row) {
    Value last = e.sub(range.hi, 1), queryRow = e.min(row, last);
    Value position = rowPosition(e, tiles.view(range.walk), tiles.residueOf(range.walk), queryRow);
    Values zeros(llvm::alignTo(key.size(), 8) / 4, e.f(0));
    Values sums = e.loop(first, end, e.i(1), zeros, [&](Value own, ValueRange all) {
      Value isPair = tiles.isPair(range, {{own, own}, true, {}, {}}, 0, queryRow);
      const Row row = keyRow(own);
      return gradients.add(all, row, gradients.at(one, position, row.position).scoreGrad, isPair);
    });
    for (size_t k = 0; k < sums.size(); ++k) {
      Value column = e.add(lanes.column, int64_t(8 * (k / 2) + k % 2));
      e.ifThen(e.both(e.equal(e.sub(row, queryRow), 0), e.less(column, e.i(key.size()))), [&] {
        Value to = kernel.elementAddress(querySum, position, one, sumColumn(e, column));
        op.getBegin() ? void(LLVM::StoreOp::create(e.b, sums[k], to)) : e.addGlobal(to, sums[k]);
      });
    }
  };
  e.ifThen(e.anyLane(e.notEqual(total, 0)), [&] {
    eachHead(e, op, item, {}, [&](const CudaItem &one, ValueRange) {
      return tiles.eachRow(
          {},
          [&](const WalkRange &range, Value base, ValueRange) {
            addQuery(one, range, e.add(base, lanes.number));
            return Values();
          },
          lanes.count);
    });
  });
}

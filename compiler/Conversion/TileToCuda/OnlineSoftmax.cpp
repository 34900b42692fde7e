//===- OnlineSoftmax.cpp - maximum and sum of rows as tiles of scores come ===//

#include "compiler/Conversion/TileToCuda/OnlineSoftmax.h"
#include "compiler/Conversion/TileToCuda/FiniteItems.h"

#include <numbers>

using namespace mlir;
using namespace stc;
using Values = CudaEmitter::Values;

static constexpr float kNone = -std::numeric_limits<float>::infinity();

OnlineSoftmax::OnlineSoftmax(CudaKernel &kernel, tile::AttentionOp op, const CudaItem &item,
                             std::array<Value, 2> rows, Value column, int64_t columns)
    : kernel(kernel), e(kernel.emitter()), op(op), item(item), rows(rows), column(column),
      columns(columns), output(op.getOutput()), logsumexp(op.getLogsumexp()) {
  count = rowCount(e, op.getView(), item.residue, output.positions());
  first = e.equal(column, 0); // four lanes add up one row
}

Values OnlineSoftmax::state() const { return {maximum[0], maximum[1], sum[0], sum[1]}; }

void OnlineSoftmax::setState(ValueRange values) {
  maximum = {values[0], values[1]};
  sum = {values[2], values[3]};
}

Value OnlineSoftmax::loadBefore(Value position) {
  Value at = kernel.address(logsumexp, item.batch, item.head, position);
  Value lse = LLVM::LoadOp::create(e.b, e.f32, at);
  return e.select(e.notLess(lse, kCudaNoKeyBound),
                  e.mulf(lse, e.f(1 / op.getScale().convertToFloat())), e.f(kNone));
}

Values OnlineSoftmax::begin(bool resumes) {
  Value none = e.f(kNone), zero = e.f(0);
  setState({none, none, zero, zero});
  Values sums(columns / 2, zero);
  if (!resumes)
    return sums;
  // The state after other parts: their log-sum-exp as maximum, a sum of 1, and their output.
  for (int h = 0; h < 2; ++h) {
    Value position = rowPosition(e, op.getView(), item.residue, rows[h]);
    SmallVector<Type> types(columns / 4 + 2, e.f32);
    auto loaded = e.choose(
        e.less(rows[h], count), types,
        [&] {
          Value most = loadBefore(position);
          Value one = e.fma(most, zero, e.f(1)); // or NaN
          Values result = {most, e.select(e.both(e.notEqual(most, kNone), first), one, zero)};
          result.append(kernel.loadRow(output, position, item, column, columns));
          return result;
        },
        [&] {
          Values result = {none, zero};
          result.append(columns / 4, zero);
          return result;
        });
    others.push_back(loaded[0]);
    maximum[h] = loaded[0];
    sum[h] = loaded[1];
    for (int64_t c = 0; c < columns / 8; ++c)
      for (int k = 0; k < 2; ++k)
        sums[4 * c + 2 * h + k] = loaded[2 + 2 * c + k];
  }
  return sums;
}

Values OnlineSoftmax::before() {
  for (Value row : rows)
    others.append(e.choose(
        e.less(row, count), {e.f32},
        [&] { return Values{loadBefore(rowPosition(e, op.getView(), item.residue, row))}; },
        [&] { return Values{e.f(kNone)}; }));
  return others;
}

Values OnlineSoftmax::join(const Values &sums, const Values &before, const Values &output) {
  Value factor = e.f(op.getScale().convertToFloat() * std::numbers::log2e_v<float>);
  Values own(2), other(2), result;
  for (int h = 0; h < 2; ++h) {
    Value most = e.maxf(maximum[h], before[h]), shift = shiftOf(most, factor);
    own[h] = e.exp2(e.fma(maximum[h], factor, shift));
    other[h] = e.exp2(e.fma(before[h], factor, shift));
    maximum[h] = most;
    sum[h] = e.fma(sum[h], own[h], e.select(first, other[h], e.f(0)));
  }
  for (size_t k = 0; k < sums.size(); ++k)
    result.push_back(e.fma(sums[k], own[k / 2 % 2], e.mulf(output[k], other[k / 2 % 2])));
  return result;
}

// Of a row without a key so far there is no difference of infinities.
Value OnlineSoftmax::shiftOf(Value most, Value factor) {
  Value empty = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, most, e.f(kNone));
  return e.select(empty, e.f(0), e.negf(e.mulf(most, factor)));
}

Values OnlineSoftmax::next(const Values &scores, Values &rescale) {
  Value factor = e.f(op.getScale().convertToFloat() * std::numbers::log2e_v<float>);
  Values shift(2);
  rescale.resize(2);
  for (int h = 0; h < 2; ++h) {
    Values row;
    for (auto [k, score] : llvm::enumerate(scores))
      if (int(k / 2 % 2) == h)
        row.push_back(score);
    while (row.size() > 1) { // as a tree
      Values half;
      for (size_t k = 0; k + 1 < row.size(); k += 2)
        half.push_back(e.maxf(row[k], row[k + 1]));
      if (row.size() % 2)
        half.push_back(row.back());
      row = half;
    }
    Value most = e.maxf(row[0], e.shuffle(row[0], 1));
    most = e.maxf(maximum[h], e.maxf(most, e.shuffle(most, 2)));
    shift[h] = shiftOf(most, factor);
    rescale[h] = e.exp2(e.fma(maximum[h], factor, shift[h]));
    maximum[h] = most;
  }
  Values result;
  for (auto [k, score] : llvm::enumerate(scores))
    result.push_back(e.exp2(e.fma(score, factor, shift[k / 2 % 2])));
  for (int h = 0; h < 2; ++h) {
    Value total = e.mulf(sum[h], rescale[h]);
    for (auto [k, weight] : llvm::enumerate(result))
      if (int(k / 2 % 2) == h)
        total = e.addf(total, weight);
    sum[h] = total;
  }
  return result;
}

Values OnlineSoftmax::rescaled(const Values &sums, const Values &factors) {
  Values result;
  for (auto [k, sum] : llvm::enumerate(sums))
    result.push_back(e.mulf(sum, factors[k / 2 % 2]));
  return result;
}

// A sum that is NaN stays one.
Values OnlineSoftmax::end(const Values &sums) {
  Values inverse;
  for (int h = 0; h < 2; ++h) {
    sum[h] = e.addf(sum[h], e.shuffle(sum[h], 1));
    sum[h] = e.addf(sum[h], e.shuffle(sum[h], 2));
    inverse.push_back(e.select(e.notEqual(sum[h], 0), e.reciprocal(sum[h]), e.f(0)));
  }
  return rescaled(sums, inverse);
}

Value OnlineSoftmax::isSpecial(const Values &sums) {
  const std::array exist = {e.less(rows[0], count), e.less(rows[1], count)};
  Value is = haveSpecial(e, sums, exist);
  if (op.getNonempty()) // all scores of a row may be minus infinity
    for (int h = 0; h < 2; ++h)
      is = e.either(is, e.both(exist[h], e.equalf(sum[h], 0)));
  return is;
}

void OnlineSoftmax::storeLogsumexp(int half, Value logsumexp) {
  e.ifThen(e.both(first, e.less(rows[half], count)), [&] {
    Value position = rowPosition(e, op.getView(), item.residue, rows[half]);
    LLVM::StoreOp::create(e.b, logsumexp,
                          kernel.address(this->logsumexp, item.batch, item.head, position));
  });
}

void OnlineSoftmax::storeLogsumexps() {
  Value factor = e.f(op.getScale().convertToFloat());
  for (int h = 0; h < 2; ++h) {
    Value natural =
        e.fma(maximum[h], factor, e.mulf(e.log2(sum[h]), e.f(std::numbers::ln2_v<float>)));
    storeLogsumexp(h, e.select(e.notEqual(sum[h], 0), natural, e.f(kCudaNoKey)));
  }
}

void OnlineSoftmax::restoreLogsumexps() {
  Value factor = e.f(op.getScale().convertToFloat());
  for (auto [h, other] : llvm::enumerate(others))
    storeLogsumexp(h, e.select(e.notEqual(other, kNone), e.mulf(other, factor), e.f(kCudaNoKey)));
}

void OnlineSoftmax::store(const Values &sums) {
  for (int h = 0; h < 2; ++h)
    e.ifThen(e.less(rows[h], count), [&] {
      kernel.storeRow(output, rowPosition(e, op.getView(), item.residue, rows[h]), item, column,
                      sums, h);
    });
}

//===- OnlineSoftmax.h - maximum and sum of rows as tiles of scores come -*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaKernel.h"

namespace stc {

/// The softmax of two rows, 8 apart, of a product's results: four lanes have them, each its pairs
/// of columns, and of four values the first two are of the first row. Exponentials are in base 2.
class OnlineSoftmax {
public:
  using Value = mlir::Value;
  using Values = CudaEmitter::Values;

  /// Of the op's rows `rows` of an item. `column` is the lane's first of `columns` columns of the
  /// output.
  OnlineSoftmax(CudaKernel &kernel, tile::AttentionOp op, const CudaItem &item,
                std::array<Value, 2> rows, Value column, int64_t columns);

  /// Sums of weighted values before the first tile: zeros, or if it `resumes` the output of other
  /// parts.
  Values begin(bool resumes);
  /// Goes on by a tile of scores: its weights. The sums so far have to be multiplied by `rescale`.
  Values next(const Values &scores, Values &rescale);
  Values rescaled(const Values &sums, const Values &factors);
  /// The log-sum-exps of other parts, in units of scores: what `join` takes.
  Values before();
  /// Takes other parts in at the end: their log-sum-exps, and their output.
  Values join(const Values &sums, const Values &before, const Values &output);
  /// The output, behind all parts.
  Values end(const Values &sums);
  /// Behind `end`, when each lane has the sum of a whole row: whether an infinity or NaN is in these
  /// rows, as far as they exist.
  Value isSpecial(const Values &sums);
  /// Behind `end`: writes the log-sum-exps.
  void storeLogsumexps();
  /// Writes those of other parts again.
  void restoreLogsumexps();
  /// Writes the output where it stands in memory.
  void store(const Values &output);

  /// What a loop carries.
  Values state() const;
  void setState(mlir::ValueRange values);
  static constexpr unsigned stateSize = 4;

private:
  /// The natural log-sum-exp of a row that other parts wrote, in units of scores: minus infinity of
  /// no key.
  Value loadBefore(Value position);
  void storeLogsumexp(int half, Value logsumexp);
  /// What is added to scores times the factor before the exponential.
  Value shiftOf(Value most, Value factor);

  CudaKernel &kernel;
  CudaEmitter &e;
  tile::AttentionOp op;
  CudaItem item;
  std::array<Value, 2> rows;
  Value column, count, first;
  int64_t columns;
  CudaTensor output, logsumexp;
  Values others;       // of each row, as `before` gives them
  Values maximum, sum; // of each row; behind the end the sum of all lanes
};

} // namespace stc

//===- Products.cpp - dense products and tables ---------------------------===//

#include "compiler/Reference/Environment.h"

#include <algorithm>

using namespace mlir;
using namespace stc;
using namespace stc::reference;

LogicalResult reference::evaluate(MatmulOp op, Environment &env) {
  const Tensor &lhs = env[op.getLhs()], &rhs = env[op.getRhs()];
  Tensor &result = env[op.getResult()];
  auto rowsOf = [](const Tensor &matrix) { return matrix.shape[matrix.shape.size() - 2]; };
  int64_t rows = rowsOf(result), columns = result.shape.back();
  int64_t inner = op.getTransposeLhs() ? rowsOf(lhs) : lhs.shape.back();
  // Steps of element (row, k) of op(lhs) and of element (k, column) of op(rhs).
  int64_t lhsRow = op.getTransposeLhs() ? 1 : inner, lhsInner = op.getTransposeLhs() ? rows : 1;
  int64_t rhsInner = op.getTransposeRhs() ? 1 : columns;
  int64_t rhsColumn = op.getTransposeRhs() ? inner : 1;
  int64_t batch = result.size() / (rows * columns);
  int64_t rhsBatch = rhs.shape.size() == 2 ? 0 : inner * columns;
  for (int64_t b = 0; b < batch; ++b) {
    const double *left = lhs.floats.data() + b * rows * inner;
    const double *right = rhs.floats.data() + b * rhsBatch;
    double *product = result.floats.data() + b * rows * columns;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t k = 0; k < inner; ++k)
        for (int64_t column = 0; column < columns; ++column)
          product[row * columns + column] +=
              left[row * lhsRow + k * lhsInner] * right[k * rhsInner + column * rhsColumn];
  }
  return success();
}

LogicalResult reference::evaluate(GatherOp op, Environment &env) {
  const Tensor &table = env[op.getTable()], &indices = env[op.getIndices()];
  int64_t rows = table.shape[0], columns = table.shape[1];
  double *to = env[op.getResult()].floats.data();
  for (int64_t index : indices.integers)
    to = std::copy_n(table.floats.data() + std::clamp<int64_t>(index, 0, rows - 1) * columns,
                     columns, to);
  return success();
}

LogicalResult reference::evaluate(ScatterAddOp op, Environment &env) {
  const Tensor &indices = env[op.getIndices()];
  Tensor &table = env[op.getResult()];
  int64_t rows = table.shape[0], columns = table.shape[1];
  const double *from = env[op.getRows()].floats.data();
  for (int64_t index : indices.integers) {
    double *to = table.floats.data() + std::clamp<int64_t>(index, 0, rows - 1) * columns;
    for (int64_t column = 0; column < columns; ++column)
      to[column] += *from++;
  }
  return success();
}

LogicalResult reference::evaluate(InsertRowOp op, Environment &env) {
  const Tensor &row = env[op.getRow()];
  Tensor &result = env[op.getResult()];
  result = env[op.getSequence()];
  int64_t batch = row.shape[0], positions = result.shape[1], size = row.size() / batch;
  int64_t position = std::clamp<int64_t>(env[op.getPosition()].integers[0], 0, positions - 1);
  for (int64_t b = 0; b < batch; ++b)
    std::copy_n(row.floats.data() + b * size, size,
                result.floats.data() + (b * positions + position) * size);
  return success();
}

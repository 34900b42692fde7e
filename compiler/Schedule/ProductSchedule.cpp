//===- ProductSchedule.cpp - how products of few rows are divided ---------===//

#include "compiler/Schedule/ProductSchedule.h"

using namespace stc;

/// Rows at most, and elements of weights that all blocks read together at most, of more than one
/// block's rows: what that takes is what the library would take, and a launch more.
static constexpr int64_t kMostRows = 128, kMostWeightsRead = 16 << 20;
/// Blocks that are enough for a GPU with about 130 multiprocessors.
static constexpr int64_t kEnoughBlocks = 96;

static int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

bool stc::isProductOfFewRows(int64_t m, int64_t n, int64_t k) {
  const int64_t tiles = divideUp(m, kProductRows);
  return m <= kMostRows && (tiles == 1 || tiles * n * k <= kMostWeightsRead);
}

ProductSchedule stc::chooseProductSchedule(int64_t m, int64_t n) {
  const int64_t tiles = divideUp(m, kProductRows);
  int64_t columns = 32;
  while (columns > 8 && tiles * divideUp(n, columns) < kEnoughBlocks)
    columns /= 2;
  const int64_t slices = divideUp(n, columns);
  return {columns, slices, tiles * slices};
}

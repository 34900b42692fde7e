//===- ProductSchedule.h - how products of few rows are divided -*- C++ -*-===//
//
// A product [m, k] x [n, k] of few rows is bound by the start of its launch and by its weights, not
// by its arithmetic. A block does 16 rows, those of one mma.sync, of some columns, and its warps
// share the sum between them, so that each has little to load and to wait for. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>

namespace stc {

/// Rows of a block, and its warps: each of them computes a row of the left operand, where that is
/// computed, and takes every sixteenth step of 16 along the sum.
inline constexpr int64_t kProductRows = 16, kProductWarps = 16;

/// Columns of a left operand that is computed: it stands in shared memory.
inline constexpr int64_t kMostComputedColumns = 1024;

/// Whether a kernel of its own does a product rather than the library: weights are read again by
/// each 16 rows, from the cache, instead of once for a narrow copy and once more.
bool isProductOfFewRows(int64_t m, int64_t n, int64_t k);

struct ProductSchedule {
  int64_t columns; ///< of a block: 8, 16 or 32
  int64_t slices;  ///< blocks beside each other
  int64_t items;   ///< blocks

  bool operator==(const ProductSchedule &) const = default;
};

/// The widest blocks of which there are as many as a GPU has multiprocessors, about.
ProductSchedule chooseProductSchedule(int64_t m, int64_t n);

} // namespace stc

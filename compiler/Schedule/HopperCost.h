//===- HopperCost.h - what attention costs on an H100 -----------*- C++ -*-===//
//
// A model of one kernel's time from what it computes and moves, before it is run. Pure functions of
// the shape. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Schedule/AttentionWork.h"
#include "compiler/Schedule/WgmmaSchedule.h"

namespace stc {

/// An H100 (SXM5, 80 GB), per second.
struct HopperRates {
  /// Products of bf16 or f16, by its data sheet. One of 8192 cubed comes to 805e12, short of power;
  /// the products of attention take turns with other work and come nearer.
  double flops = 989e12;
  /// Bytes of memory, read and written, by a copy.
  double bytes = 3.03e12;
  /// Bytes of float32 that many blocks add to in the cache. Found from the gradient with and
  /// without these additions.
  double sums = 6e12;
  int64_t multiprocessors = 132;
  /// Exponentials: 16 a clock a multiprocessor, at 1.7 GHz.
  double exponentials() const { return 16.0 * double(multiprocessors) * 1.7e9; }
};

/// The tiles that a kernel visits, of one head of queries of one sequence.
struct HopperTiles : AttentionCounts {
  /// Tiles with a pair, and their size.
  int64_t tiles = 0, queryRows = 128, keyRows = 128;
  /// What blocks take in turn, of all attentions.
  int64_t items = 0;
  /// Whether each sum of queries is written by one tile of keys.
  bool beginsSums = false;
};

/// What a kernel does in all.
struct HopperWork {
  /// Multiply-adds, times two: of the pattern's pairs, and of whole tiles with heads filled up.
  double usefulFlops = 0, flops = 0;
  /// Of whole tiles.
  double exponentials = 0;
  /// Of the memory, each read or written once; of sums in the cache.
  double bytes = 0, sums = 0;
  /// What blocks take in turn.
  int64_t items = 0;

  HopperWork &operator+=(const HopperWork &other);
};

/// Forward: two products a pair.
HopperWork forwardWork(const HopperTiles &tiles);
/// The gradients of keys and values, by tiles of keys: four products a pair, and one more for sums
/// of queries.
HopperWork keyGradWork(const HopperTiles &tiles);
/// The gradient of queries, by tiles of queries: three products a pair.
HopperWork queryGradWork(const HopperTiles &tiles);
/// Per query, only bytes: what gradients need first, with zeros for `sumSize` sums, and the
/// gradient of queries from such sums.
HopperWork deltaWork(int64_t queries, int64_t valueSize, int64_t sumSize);
HopperWork querySumWork(int64_t queries, int64_t querySize);

/// Seconds that a kernel's parts take, each at its rate.
struct HopperTime {
  double products = 0, exponentials = 0, memory = 0, sums = 0;
  /// No kernel is faster: the useful products alone, or the bytes.
  double roofline = 0;

  /// Nothing is taken to hide behind anything else, which is what the kernels come to.
  double total() const { return products + exponentials + memory + sums; }
  HopperTime &operator+=(const HopperTime &other);
};

HopperTime estimate(const HopperWork &work, const HopperRates &rates = {});

} // namespace stc

//===- AttentionWork.h - what attention has to do ---------------*- C++ -*-===//
//
// The operations and the bytes of one kernel, however it does them: over the pairs that the pattern
// has, whatever its tiles are. Pure functions of counts. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>

namespace stc {

/// What a kernel meets. Counts are of one head of queries of one sequence; of these there are
/// `attentions`, and `group` of them share their keys and values.
struct AttentionCounts {
  int64_t attentions = 1, group = 1, querySize = 64, valueSize = 64;
  /// Bytes of an element, and of a log-sum-exp or a sum.
  int64_t elementBytes = 2, sumBytes = 4;
  /// Pairs of the pattern; queries and keys with one.
  int64_t pairs = 0, queries = 0, keys = 0;
  /// Whether the kernel goes on from another one's results; a gradient, from those of keys alone.
  bool resumes = false, resumesKeys = false;
  /// Whether the gradient of keys has sums of queries, too.
  bool sumsQueries = false;
};

enum class AttentionPart {
  Forward,
  /// All of the gradient; or that of keys and values, and that of queries, where scores are
  /// computed again.
  Gradient,
  KeyGradient,
  QueryGradient,
  /// Attention of one query, which leaves no log-sum-exp.
  OneQuery
};

/// Products of a pair: over the elements of a query (or key), and over those of a value.
struct PairProducts {
  int64_t ofQueries, ofValues;

  int64_t flops(int64_t pairs, int64_t querySize, int64_t valueSize) const {
    return 2 * pairs * (ofQueries * querySize + ofValues * valueSize);
  }
};
PairProducts productsOf(AttentionPart part, bool sumsQueries = false);

/// Multiply-adds, times two, of the pattern's pairs; bytes of memory, each read or written once.
struct AttentionWork {
  int64_t flops = 0, bytes = 0;
};
AttentionWork attentionWork(AttentionPart part, const AttentionCounts &counts);

/// Bytes, per query: of what gradients by tiles need first, with zeros for `sumSize` sums, and of
/// the gradient of queries from such sums.
int64_t deltaBytes(int64_t queries, int64_t valueSize, int64_t sumSize, int64_t elementBytes = 2);
int64_t querySumBytes(int64_t queries, int64_t querySize, int64_t elementBytes = 2);

} // namespace stc

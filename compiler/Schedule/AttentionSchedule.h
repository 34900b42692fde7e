//===- AttentionSchedule.h - tiles of one walk ------------------*- C++ -*-===//
#pragma once

#include "compiler/Pattern/Pattern.h"

#include <cstdint>

namespace stc {

/// The tiles of one walk: `rows` queries share each tile of keys that is brought near; the bounds
/// of the keys are found for each strip of them.
struct AttentionSchedule {
  int64_t rows = 128, strip = 32;

  bool operator==(const AttentionSchedule &) const = default;
};

/// What speaks for and against sums of the gradient of queries in memory.
struct QuerySumWork {
  int64_t querySize = 64, valueSize = 64;
  /// Keys that are computed for a query, on average: without sums their scores are computed again.
  double keysPerQuery = 0;
  /// Kernels that add to sums which another one wrote, be it with zeros.
  int64_t additions = 0;
};

} // namespace stc

//===- HostSchedule.cpp - tile sizes of the host's attention --------------===//

#include "compiler/Schedule/HostSchedule.h"

#include <algorithm>

namespace stc {

/// What a pair costs in narrow strips, in wide ones 1: an operand in memory serves one vector
/// instead of two. Measured on a Zen 4, dense attention forward and backward.
static constexpr double narrowCost = 1.05;

AttentionSchedule chooseSchedule(const pattern::Walk &walk, int64_t n, const HostVectors &vectors) {
  auto computed = [&](int64_t strip) {
    return double(pattern::countTiles(walk, n, strip, vectors.tile(strip).rows).pairs);
  };
  int64_t wide = vectors.wideStrip(), narrow = vectors.lanes,
          most = std::max<int64_t>(walk.query.maxRows(n), 1);
  int64_t strip = most <= narrow || computed(narrow) * narrowCost < computed(wide) ? narrow : wide;
  // Short views take what they have.
  return {std::min<int64_t>((most + strip - 1) / strip * strip, 128), strip};
}

} // namespace stc

//===- HopperSchedule.cpp - tile sizes of attention on sm_90a -------------===//

#include "compiler/Schedule/HopperSchedule.h"

#include <algorithm>

namespace stc {

AttentionSchedule chooseHopperTiles(const pattern::Walk &walk, int64_t n) {
  int64_t rows = walk.query.maxRows(n) <= 64 ? 64 : 128;
  return {rows, rows};
}

std::optional<HopperSchedule> chooseHopperSchedule(const HopperShape &shape) {
  HopperSchedule schedule;
  schedule.groups = shape.queryRows / 64;
  // The most keys of a tile that is made of whole blocks of each view, or divides them.
  for (int64_t rows = 128; rows >= 32; rows -= 16) {
    auto fits = [&](int64_t width) { return rows % width == 0 || width % rows == 0; };
    if (std::ranges::all_of(shape.keyWidths, fits)) {
      schedule.keyRows = rows;
      return schedule;
    }
  }
  return std::nullopt;
}

} // namespace stc

//===- HopperSchedule.cpp - tile sizes of attention on sm_90a -------------===//

#include "compiler/Schedule/HopperSchedule.h"

#include <algorithm>

namespace stc {

static AttentionSchedule tilesOf(const pattern::View &view, int64_t n) {
  int64_t rows = view.maxRows(n) <= 64 ? 64 : 128;
  return {rows, rows};
}

AttentionSchedule chooseHopperTiles(const pattern::Walk &walk, int64_t n) {
  return tilesOf(walk.query, n);
}

AttentionSchedule chooseHopperKeyTiles(const pattern::View &key, int64_t n) {
  return tilesOf(key, n);
}

/// Whether tiles of so many rows are made of whole blocks of each width, or divide them.
static bool fitsAll(const std::vector<int64_t> &widths, int64_t rows) {
  return std::ranges::all_of(widths,
                             [&](int64_t width) { return rows % width == 0 || width % rows == 0; });
}

std::optional<HopperSchedule> chooseHopperSchedule(const HopperShape &shape) {
  HopperSchedule schedule;
  schedule.groups = shape.queryRows / 64;
  for (int64_t rows = 128; rows >= 32; rows -= 16)
    if (fitsAll(shape.keyWidths, rows)) {
      schedule.keyRows = rows;
      return schedule;
    }
  return std::nullopt;
}

// The registers of a thread hold the gradients of its keys and values, and two tiles of scores.
std::optional<HopperGradSchedule> chooseHopperGradSchedule(const HopperGradShape &shape) {
  HopperGradSchedule schedule;
  schedule.groups = shape.keyRows / 64;
  bool wide = shape.querySize > 64 || shape.valueSize > 64 || schedule.groups == 1;
  for (int64_t rows : {128, 64}) {
    schedule.queryRows = rows;
    if (!(wide && rows == 128) && fitsAll(shape.queryWidths, rows))
      return schedule;
  }
  return std::nullopt;
}

} // namespace stc

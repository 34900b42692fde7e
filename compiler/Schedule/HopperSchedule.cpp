//===- HopperSchedule.cpp - tile sizes of attention on sm_90a -------------===//

#include "compiler/Schedule/HopperSchedule.h"

#include <algorithm>

namespace stc {

static AttentionSchedule tilesOf(const pattern::View &view, int64_t n, int64_t mostRows) {
  int64_t rows = std::min<int64_t>(view.maxRows(n) <= 64 ? 64 : 128, mostRows);
  return {rows, rows};
}

AttentionSchedule chooseHopperTiles(const pattern::Walk &walk, int64_t n, int64_t mostRows) {
  return tilesOf(walk.query, n, mostRows);
}

AttentionSchedule chooseHopperKeyTiles(const pattern::View &key, int64_t n, int64_t mostRows) {
  return tilesOf(key, n, mostRows);
}

/// Whether heads take more registers than two tiles of 128 rows leave.
static bool isWide(int64_t querySize, int64_t valueSize) {
  return querySize > 64 || valueSize > 64;
}

/// Whether tiles of so many rows are made of whole blocks of each width, or divide them.
static bool fitsAll(const std::vector<int64_t> &widths, int64_t rows) {
  return std::ranges::all_of(widths,
                             [&](int64_t width) { return rows % width == 0 || width % rows == 0; });
}

/// The most rows up to `most` that all widths fit.
static std::optional<int64_t> mostRows(const std::vector<int64_t> &widths, int64_t most) {
  for (int64_t rows = most; rows >= 32; rows -= 16)
    if (fitsAll(widths, rows))
      return rows;
  return std::nullopt;
}

std::optional<HopperSchedule> chooseHopperSchedule(const HopperShape &shape) {
  // Short tiles of queries go with short ones of keys, so that two blocks find room.
  std::optional<int64_t> rows = mostRows(shape.keyWidths, shape.queryRows == 64 ? 64 : 128);
  if (!rows)
    rows = mostRows(shape.keyWidths, 128);
  if (!rows)
    return std::nullopt;
  HopperSchedule schedule;
  schedule.groups = shape.queryRows / 64;
  schedule.keyRows = *rows;
  return schedule;
}

// Measured on an H100: to compute the scores of so many keys of a query again takes as long as its
// sum does, to be written, added to and brought to its type. Tiles of 64 queries, which wide heads
// leave registers for, are added more often.
bool hopperSumsQueries(const QuerySumWork &work) {
  const double even = isWide(work.querySize, work.valueSize) ? 4000 : 900;
  return work.keysPerQuery > even * double(std::max<int64_t>(work.additions, 1));
}

std::optional<HopperQueryGradSchedule> chooseHopperQueryGradSchedule(const HopperShape &shape) {
  const bool wide = isWide(shape.querySize, shape.valueSize);
  std::optional<int64_t> rows = mostRows(shape.keyWidths, 64);
  if (!rows)
    return std::nullopt;
  HopperQueryGradSchedule schedule;
  schedule.groups = shape.queryRows / 64;
  schedule.keyRows = *rows;
  schedule.stages = wide ? 3 : 4;
  return schedule;
}

// The registers of a thread hold the gradients of its keys and values, and two tiles of scores.
// Shared memory holds two items and three tiles of queries; with the sums of queries and their
// scores, of which there are two so that one is free again in time, less of both.
std::optional<HopperKeyGradSchedule> chooseHopperKeyGradSchedule(const HopperKeyGradShape &shape) {
  HopperKeyGradSchedule schedule;
  schedule.groups = shape.keyRows / 64;
  const bool wide = isWide(shape.querySize, shape.valueSize);
  schedule.stages = shape.sumsQueries ? 2 : 3;
  schedule.itemStages = shape.sumsQueries && wide ? 1 : 2;
  for (int64_t rows : {128, 64}) {
    schedule.queryRows = rows;
    if (!((wide || schedule.groups == 1) && rows == 128) && fitsAll(shape.queryWidths, rows))
      return schedule;
  }
  return std::nullopt;
}

} // namespace stc

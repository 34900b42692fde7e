//===- WgmmaSchedule.cpp - tile sizes of attention on sm_90a -------------===//

#include "compiler/Schedule/WgmmaSchedule.h"

#include <algorithm>

namespace stc {

/// Whether heads take more registers than two tiles of 128 rows leave.
static bool isWide(int64_t querySize, int64_t valueSize) {
  return querySize > 64 || valueSize > 64;
}

int64_t wgmmaTallKeyRows(int64_t querySize, int64_t valueSize) {
  return isWide(querySize, valueSize) ? 0 : 192;
}

static AttentionSchedule tilesOf(const pattern::View &view, int64_t n, int64_t mostRows) {
  int64_t rows = std::min<int64_t>(view.maxRows(n) <= 64 ? 64 : 128, mostRows);
  return {rows, rows};
}

AttentionSchedule chooseQueryTiles(const pattern::Walk &walk, int64_t n, int64_t mostRows) {
  return tilesOf(walk.query, n, mostRows);
}

AttentionSchedule chooseKeyTiles(const pattern::View &key, int64_t n, int64_t mostRows) {
  return tilesOf(key, n, mostRows);
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

/// Whether a tile is whole warpgroups, of 64 rows each. Chunks of a sequence may be shorter.
static bool isWholeGroups(int64_t rows) { return rows > 0 && rows % 64 == 0; }

std::optional<WgmmaSchedule> chooseWgmmaSchedule(const WgmmaShape &shape) {
  // Short tiles of queries go with short ones of keys, so that two blocks find room.
  std::optional<int64_t> rows = mostRows(shape.keyWidths, shape.queryRows == 64 ? 64 : 128);
  if (!rows)
    rows = mostRows(shape.keyWidths, 128);
  if (!rows || !isWholeGroups(shape.queryRows))
    return std::nullopt;
  WgmmaSchedule schedule;
  schedule.groups = shape.queryRows / 64;
  schedule.blocks = schedule.groups == 1 ? 2 : 1;
  schedule.keyRows = *rows;
  return schedule;
}

// Measured on an H100: to compute the scores of so many keys of a query again takes as long as its
// sum does, to be written, added to and brought to its type. Tiles of 64 queries, which wide heads
// leave registers for, are added more often.
bool wgmmaSumsQueries(const QuerySumWork &work) {
  const double even = isWide(work.querySize, work.valueSize) ? 4000 : 900;
  return work.keysPerQuery > even * double(std::max<int64_t>(work.additions, 1));
}

/// Whether two blocks of one warpgroup find room: in shared memory, all tiles of both axes, and in
/// registers, where a thread has half a column of each accumulator.
static bool fitsTwice(int64_t tileRows, int64_t columns, int64_t accumulatorColumns) {
  constexpr int64_t sharedBytes = 113 * 1024, barriers = 1024, registers = 200, others = 24;
  return tileRows * columns * 2 + barriers <= sharedBytes &&
         accumulatorColumns / 2 + others <= registers;
}

std::optional<WgmmaQueryGradSchedule> chooseWgmmaQueryGradSchedule(const WgmmaShape &shape) {
  const bool wide = isWide(shape.querySize, shape.valueSize);
  std::optional<int64_t> rows = mostRows(shape.keyWidths, 64);
  if (!rows || !isWholeGroups(shape.queryRows))
    return std::nullopt;
  WgmmaQueryGradSchedule schedule;
  schedule.groups = shape.queryRows / 64;
  schedule.keyRows = *rows;
  schedule.stages = wide ? 3 : 4;
  // Scores and their gradients, of this tile and the next.
  const int64_t columns = paddedHead(shape.querySize) + paddedHead(shape.valueSize);
  if (schedule.groups == 1 &&
      fitsTwice(2 * 64 + 2 * *rows, columns, paddedHead(shape.querySize) + 4 * *rows)) {
    schedule.blocks = 2;
    schedule.stages = 2;
  }
  return schedule;
}

// The registers of a thread hold the gradients of its keys and values, and two tiles of scores.
// Shared memory holds two items and three tiles of queries; with the sums of queries and their
// scores, of which there are two so that one is free again in time, less of both.
std::optional<WgmmaKeyGradSchedule> chooseWgmmaKeyGradSchedule(const WgmmaKeyGradShape &shape) {
  WgmmaKeyGradSchedule schedule;
  schedule.groups = shape.keyRows / 64;
  const bool wide = isWide(shape.querySize, shape.valueSize);
  schedule.stages = shape.sumsQueries ? 2 : 3;
  schedule.itemStages = shape.sumsQueries && wide ? 1 : 2;
  const int64_t most = wide || schedule.groups != 2 ? 64 : 128;
  std::optional<int64_t> rows = mostRows(shape.queryWidths, most);
  // A warpgroup multiplies 64 rows of the sums.
  if (shape.sumsQueries)
    rows = fitsAll(shape.queryWidths, most) ? most : 64;
  if (!rows || !fitsAll(shape.queryWidths, *rows) || !isWholeGroups(shape.keyRows))
    return std::nullopt;
  schedule.queryRows = *rows;
  const int64_t columns = paddedHead(shape.querySize) + paddedHead(shape.valueSize);
  if (schedule.groups == 1 && !shape.sumsQueries &&
      fitsTwice(2 * 64 + 2 * *rows, columns, columns + 2 * *rows)) {
    schedule.blocks = 2;
    schedule.stages = 2;
  }
  return schedule;
}

} // namespace stc

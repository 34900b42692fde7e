//===- Count.cpp - counting tiles and pairs -------------------------------===//
//
// Both counts evaluate closed forms along one axis and never look at n x n pairs. A pattern's pairs
// are those of its disjoint segments. The keys of one query row of a segment are an interval, or
// they are one after they are dealt out by their remainder for the moduli of the predicate, as
// isl proves; the sum of the intervals' lengths is then the exact count.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/PatternImpl.h"

#include <algorithm>
#include <array>
#include <numeric>

using namespace stc::pattern;

/// Calls visit(columns, count) with all (r, t), 0 <= r < residues, 0 <= t < tiles, some at a time.
template <class Visit> static void forTiles(int64_t residues, int64_t tiles, Visit visit) {
  constexpr int64_t most = 2048;
  int64_t all = residues * tiles;
  std::array<std::vector<int64_t>, 2> columns;
  for (int64_t begin = 0; begin < all; begin += most) {
    int64_t count = std::min(most, all - begin);
    for (auto &column : columns)
      column.resize(count);
    for (int64_t k = 0; k < count; ++k) {
      columns[0][k] = (begin + k) / tiles;
      columns[1][k] = (begin + k) % tiles;
    }
    visit(columns, size_t(count));
  }
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

static void countSegment(const Segment &segment, int64_t n, int64_t queryTile, int64_t keyTile,
                         TileCount &total) {
  Range range = segment.keysOf(queryTile);
  int64_t tiles = (segment.query.maxRows(n) + queryTile - 1) / queryTile;
  forTiles(segment.query.residues, tiles, [&](const auto &columns, size_t count) {
    auto lo = range.lo.evaluateMany(columns, count), hi = range.hi.evaluateMany(columns, count);
    auto fullLo = range.fullLo.evaluateMany(columns, count);
    auto fullHi = range.fullHi.evaluateMany(columns, count);
    for (size_t k = 0; k < count; ++k) {
      int64_t residue = columns[0][k];
      int64_t keyRows = segment.key.rows(n, residue);
      int64_t queryRows =
          std::min(queryTile, segment.query.rows(n, residue) - columns[1][k] * queryTile);
      if (queryRows <= 0)
        continue;
      int64_t keyTiles = (keyRows + keyTile - 1) / keyTile;
      if (lo[k] >= hi[k]) {
        total.skipped += keyTiles;
        continue;
      }
      int64_t begin = lo[k] / keyTile, end = (hi[k] + keyTile - 1) / keyTile;
      // The last tile of an axis is full with the rows that it has.
      int64_t fullBegin = (fullLo[k] + keyTile - 1) / keyTile;
      int64_t fullEnd = fullHi[k] == keyRows ? keyTiles : fullHi[k] / keyTile;
      int64_t full = std::max<int64_t>(0, fullEnd - fullBegin);
      total.full += full;
      total.partial += end - begin - full;
      total.skipped += keyTiles - (end - begin);
      total.pairs += queryRows * (std::min(end * keyTile, keyRows) - begin * keyTile);
    }
  });
}

TileCount stc::pattern::countTiles(const Walk &walk, int64_t n, int64_t queryTile,
                                   int64_t keyTile) {
  TileCount total;
  for (const Segment &segment : walk.segments)
    countSegment(segment, n, queryTile, keyTile, total);
  return total;
}

//===----------------------------------------------------------------------===//
// Pairs
//===----------------------------------------------------------------------===//

namespace {

/// The largest period by which keys are dealt out, and the most pairs that are looked at singly.
constexpr int64_t maxPeriod = 64, maxPairs = int64_t(1) << 26;

/// The sum of max(0, hi - lo) over all rows, as expressions over (r, t) = (residue, row).
int64_t sumOfLengths(const View &query, int64_t n, const Expr &lo, const Expr &hi) {
  int64_t sum = 0;
  forTiles(query.residues, query.maxRows(n), [&](const auto &columns, size_t count) {
    auto from = lo.evaluateMany(columns, count), to = hi.evaluateMany(columns, count);
    for (size_t k = 0; k < count; ++k)
      if (columns[1][k] < query.rows(n, columns[0][k]))
        sum += std::max<int64_t>(0, to[k] - from[k]);
  });
  return sum;
}

/// A period of the divisions in an expression; more than maxPeriod if it is long.
int64_t periodOf(const Expr &expr) {
  int64_t period = 1;
  for (const Expr &operand : expr.operands())
    period = std::min(maxPeriod + 1, std::lcm(period, periodOf(operand)));
  if (expr.kind() == Expr::Kind::FloorDiv)
    period = std::min(maxPeriod + 1, period * std::min(expr.value(), maxPeriod + 1));
  return period;
}

/// Counts the keys of each remainder apart; no value if those of a row are still no interval.
std::optional<int64_t> countByRemainder(const Segment &segment) {
  const Segment::Impl &impl = *segment.impl;
  int64_t period = periodOf(segment.predicate), sum = 0;
  if (period > maxPeriod || impl.key.width > 1)
    return std::nullopt;
  Context &context = *impl.context;
  Axes axes{context, impl.n, impl.query, View()};
  for (int64_t remainder = 0; remainder < period; ++remainder) {
    isl::map deal = context.map("{ [r, x, y] -> [r, x, z] : y = " + std::to_string(period) +
                                "*z + " + std::to_string(remainder) + " }");
    isl::set dealt = impl.points.apply(deal);
    if (!areRowsContiguous(axes, dealt))
      return std::nullopt;
    Bounds rows = rowBoundsOf(axes, dealt);
    sum += sumOfLengths(impl.query, impl.n, rows.lo, rows.hi);
  }
  return sum;
}

/// Evaluates the predicate for all pairs of each row's range.
std::optional<int64_t> countSingly(const Segment &segment, const Range &range, int64_t n) {
  if (sumOfLengths(segment.query, n, range.lo, range.hi) > maxPairs)
    return std::nullopt;
  int64_t sum = 0;
  std::array<std::vector<int64_t>, 3> columns;
  for (int64_t r = 0; r < segment.query.residues; ++r)
    for (int64_t a = 0; a < segment.query.rows(n, r); ++a) {
      std::array<int64_t, 2> row = {r, a};
      int64_t lo = range.lo.evaluate(row);
      int64_t hi = std::min(range.hi.evaluate(row), segment.key.rows(n, r));
      if (lo >= hi)
        continue;
      for (auto &column : columns)
        column.resize(hi - lo);
      std::ranges::fill(columns[0], r);
      std::ranges::fill(columns[1], a);
      std::iota(columns[2].begin(), columns[2].end(), lo);
      for (int64_t holds : segment.predicate.evaluateMany(columns, hi - lo))
        sum += holds != 0;
    }
  return sum;
}

std::optional<int64_t> countSegmentPairs(const Segment &segment) {
  int64_t n = segment.impl->n;
  if (auto rows = segment.impl->keysOfRows(); rows && rows->contiguous)
    return sumOfLengths(segment.query, n, rows->lo, rows->hi);
  if (!segment.impl->points.is_null()) {
    auto count = segment.impl->context->ask(proofBudget, [&] { return countByRemainder(segment); });
    if (count && *count)
      return **count;
  }
  return countSingly(segment, segment.keysOf(1), n);
}

} // namespace

std::optional<int64_t> stc::pattern::countPairs(const Walk &walk) {
  int64_t sum = 0;
  for (const Segment &segment : walk.segments) {
    std::optional<int64_t> count = countSegmentPairs(segment);
    if (!count)
      return std::nullopt;
    sum += *count;
  }
  return sum;
}

std::optional<int64_t> Pattern::countPairs() const {
  int64_t sum = 0;
  for (const Walk &walk : walks()) {
    std::optional<int64_t> count = stc::pattern::countPairs(walk);
    if (!count)
      return std::nullopt;
    sum += *count;
  }
  return sum;
}

//===- Count.cpp - counting tiles and pairs -------------------------------===//
//
// Both counts evaluate closed forms along one axis and never look at n x n pairs. A pattern's pairs
// are those of its disjoint segments. Where isl proves that the keys of each query row are an
// interval, the sum of their lengths is the exact count. Else the first rows are counted pair by
// pair, and as the divisions of a condition have a common period, the others follow from them.
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

/// The same with all (r, t, m) that are numbers of a tile's ranges.
template <class Visit>
static void forRanges(const Range &range, int64_t residues, int64_t tiles, Visit visit) {
  forTiles(residues, tiles, [&](const auto &columns, size_t count) {
    auto begin = range.begin.evaluateMany(columns, count);
    auto end = range.end.evaluateMany(columns, count);
    std::array<std::vector<int64_t>, 3> numbered;
    for (size_t k = 0; k < count; ++k)
      for (int64_t m = begin[k]; m < end[k]; ++m) {
        numbered[0].push_back(columns[0][k]);
        numbered[1].push_back(columns[1][k]);
        numbered[2].push_back(m);
      }
    visit(numbered, numbered[0].size());
  });
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

static void countSeveral(const Range &range, const Segment &segment, int64_t n, int64_t queryTile,
                         int64_t keyTile, TileCount &total) {
  const int64_t tiles = (n + queryTile - 1) / queryTile;
  int64_t visited = 0, full = 0;
  forRanges(range, segment.query.residues, tiles, [&](const auto &columns, size_t count) {
    auto lo = range.lo.evaluateMany(columns, count);
    auto fullLo = range.fullLo.evaluateMany(columns, count);
    auto fullHi = range.fullHi.evaluateMany(columns, count);
    auto longest = range.longest.evaluateMany(columns, count);
    for (size_t k = 0; k < count; ++k) {
      const int64_t each = (longest[k] + keyTile - 1) / keyTile;
      const int64_t fullBegin = (fullLo[k] - lo[k] + keyTile - 1) / keyTile;
      const int64_t fullEnd = (fullHi[k] - lo[k]) / keyTile;
      full += std::max<int64_t>(0, fullEnd - fullBegin);
      visited += each;
      total.pairs += std::min(queryTile, n - columns[1][k] * queryTile) * each * keyTile;
    }
  });
  total.full += full;
  total.partial += visited - full;
  total.skipped += std::max<int64_t>(0, tiles * ((n + keyTile - 1) / keyTile) - visited);
}

static void countSegment(const Segment &segment, int64_t n, int64_t queryTile, int64_t keyTile,
                         TileCount &total) {
  Range range = segment.keysOf(queryTile);
  if (range.isSeveral)
    return countSeveral(range, segment, n, queryTile, keyTile, total);
  int64_t tiles = (segment.query.maxRows(n) + queryTile - 1) / queryTile;
  forTiles(segment.query.residues, tiles, [&](const auto &columns, size_t count) {
    auto lo = range.lo.evaluateMany(columns, count), hi = range.hi.evaluateMany(columns, count);
    auto fullLo = range.fullLo.evaluateMany(columns, count);
    auto fullHi = range.fullHi.evaluateMany(columns, count);
    for (size_t k = 0; k < count; ++k) {
      int64_t residue = columns[0][k];
      int64_t keyRows = segment.key.rows(n, segment.keyResidue(residue));
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

/// The most evaluations of a condition for one count, and so few that isl is not asked.
constexpr int64_t maxEvaluations = int64_t(1) << 25, fewEvaluations = int64_t(1) << 16;

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

//===----------------------------------------------------------------------===//
// By the period
//===----------------------------------------------------------------------===//

/// Far from zero, a number is (a * i + b * j) / denominator, but for an error that does not grow.
struct Slope {
  int64_t a = 0, b = 0, denominator = 1, error = 0;
};

/// What rows far from zero have in common: the keys between two neighbouring lines j = slope * i
/// repeat by the period.
struct Periodicity {
  /// A common period of the divisions, and of the denominators of the lines' slopes.
  int64_t divisions = 1, lines = 1;
  /// The largest denominator; how far from its line a condition changes.
  int64_t denominator = 1, reach = 0;
};

constexpr int64_t tooMany = int64_t(1) << 31;

std::optional<Slope> plus(const Slope &x, const Slope &y) {
  int64_t common = std::lcm(x.denominator, y.denominator);
  if (common > tooMany)
    return std::nullopt;
  Slope sum{0, 0, common, x.error + y.error};
  sum.a = x.a * (common / x.denominator) + y.a * (common / y.denominator);
  sum.b = x.b * (common / x.denominator) + y.b * (common / y.denominator);
  return sum;
}

/// No value if the number is no such sum. All numbers stay below 2^31.
std::optional<Slope> slopeOf(const Expr &expr, Periodicity &found) {
  auto checked = [](Slope slope) {
    bool fits = std::max({std::abs(slope.a), std::abs(slope.b), slope.error}) < tooMany;
    return fits ? std::optional(slope) : std::nullopt;
  };
  std::optional<Slope> x, y;
  switch (expr.kind()) {
  case Expr::Kind::Constant:
    return expr.value() > -tooMany && expr.value() < tooMany
               ? std::optional(Slope{0, 0, 1, std::abs(expr.value())})
               : std::nullopt;
  case Expr::Kind::Variable:
    return expr.value() == 0 ? Slope{1, 0, 1, 0} : Slope{0, 1, 1, 0};
  case Expr::Kind::Add:
    x = slopeOf(expr.operands()[0], found), y = slopeOf(expr.operands()[1], found);
    if (x && y)
      x = plus(*x, *y);
    return x && y ? checked(*x) : std::nullopt;
  case Expr::Kind::Multiply:
    x = slopeOf(expr.operands()[0], found);
    if (!x || std::abs(expr.value()) >= tooMany)
      return std::nullopt;
    return checked({x->a * expr.value(), x->b * expr.value(), x->denominator,
                    x->error * std::abs(expr.value())});
  case Expr::Kind::FloorDiv: {
    Periodicity inner;
    x = slopeOf(expr.operands()[0], inner);
    if (!x || expr.value() >= tooMany / std::max(x->denominator, inner.divisions))
      return std::nullopt;
    found.divisions = std::min(tooMany, std::lcm(found.divisions, inner.divisions * expr.value()));
    return Slope{x->a, x->b, x->denominator * expr.value(), x->error / expr.value() + 2};
  }
  default:
    return std::nullopt;
  }
}

/// Adds what a condition's comparisons need; false if the period does not tell.
bool addPeriodicity(const Expr &condition, Periodicity &found) {
  switch (condition.kind()) {
  case Expr::Kind::Constant:
    return true;
  case Expr::Kind::And:
  case Expr::Kind::Or:
    return addPeriodicity(condition.operands()[0], found) &&
           addPeriodicity(condition.operands()[1], found);
  case Expr::Kind::Equal0:
  case Expr::Kind::GreaterEqual0:
    break;
  default:
    return false;
  }
  const Expr &number = condition.operands()[0];
  if (condition.kind() == Expr::Kind::Equal0 && number.kind() == Expr::Kind::Equal0)
    return addPeriodicity(number, found);
  std::optional<Slope> slope = slopeOf(number, found);
  if (!slope || found.divisions >= tooMany)
    return false;
  int64_t steepness = std::abs(slope->b ? slope->b : slope->a);
  if (steepness == 0)
    return true;
  int64_t q = slope->b ? steepness / std::gcd(slope->a, slope->b) : 1;
  found.lines = std::lcm(found.lines, q);
  found.denominator = std::max(found.denominator, q);
  found.reach = std::max(found.reach, slope->error * slope->denominator / steepness + 1);
  return std::max(found.lines, found.reach) < tooMany;
}

/// How many keys j < end a query has.
int64_t keysOfQuery(const Expr &condition, int64_t i, int64_t end) {
  constexpr int64_t most = 2048;
  std::array<std::vector<int64_t>, 2> columns;
  int64_t count = 0;
  for (int64_t begin = 0; begin < end; begin += most) {
    int64_t keys = std::min(most, end - begin);
    columns[0].assign(keys, i);
    columns[1].resize(keys);
    std::iota(columns[1].begin(), columns[1].end(), begin);
    for (int64_t holds : condition.evaluateMany(columns, keys))
      count += holds != 0;
  }
  return count;
}

/// How many keys j <= i each of the first rows has.
std::vector<int64_t> rowCounts(const Expr &condition, int64_t rows) {
  std::vector<int64_t> counts(rows);
  for (int64_t i = 0; i < rows; ++i)
    counts[i] = keysOfQuery(condition, i, i + 1);
  return counts;
}

/// Counts the pairs with j <= i. From some row on, a row has as many more keys than the one a
/// period before it as that one has than its own: the first rows tell all. No value if these take
/// more evaluations than `most`.
std::optional<int64_t> countByPeriod(const Expr &condition, int64_t n, int64_t most) {
  auto takesTooMany = [&](int64_t rows) { return rows > maxPositions || rows * rows / 2 > most; };
  Periodicity found;
  int64_t rows = n, period = n;
  if (addPeriodicity(condition, found) && found.divisions * found.lines < n) {
    period = found.divisions * found.lines;
    // Two lines with slopes of denominator q are a distance of i / q^2 apart.
    int64_t q = found.denominator, first = 0;
    if (!__builtin_mul_overflow(2 * (found.reach + 1), q * q, &first) && first < n)
      rows = std::min(n, first + 2 * period);
  }
  if (takesTooMany(rows))
    return std::nullopt;
  std::vector<int64_t> counts = rowCounts(condition, rows);
  int64_t sum = std::reduce(counts.begin(), counts.end());
  for (int64_t row = rows; row < std::min(n, rows + period); ++row) {
    int64_t last = counts[row - period], step = last - counts[row - 2 * period];
    int64_t more = (n - 1 - row) / period + 1;
    sum += more * last + step * (more * (more + 1) / 2);
  }
  return sum;
}

//===----------------------------------------------------------------------===//
// All together
//===----------------------------------------------------------------------===//

/// The same of several ranges of each row.
std::optional<int64_t> countNumbered(const Segment &segment, const Range &range, int64_t n) {
  int64_t sum = 0, evaluations = 0;
  forRanges(range, segment.query.residues, n, [&](const auto &ranges, size_t count) {
    auto lo = range.lo.evaluateMany(ranges, count), hi = range.hi.evaluateMany(ranges, count);
    for (size_t k = 0; k < count && evaluations <= maxEvaluations; ++k) {
      const int64_t length = std::max<int64_t>(0, hi[k] - lo[k]);
      evaluations += length;
      std::array<std::vector<int64_t>, 4> pairs;
      for (auto [column, value] :
           {std::pair(0, ranges[0][k]), {1, ranges[1][k]}, {3, ranges[2][k]}})
        pairs[column].assign(length, value);
      pairs[2].resize(length);
      std::iota(pairs[2].begin(), pairs[2].end(), lo[k]);
      for (int64_t holds : segment.predicateOf(range).evaluateMany(pairs, length))
        sum += holds != 0;
    }
  });
  return evaluations <= maxEvaluations ? std::optional(sum) : std::nullopt;
}

/// Evaluates the predicate for all pairs of each row's range.
std::optional<int64_t> countSingly(const Segment &segment, const Range &range, int64_t n) {
  if (range.isSeveral)
    return countNumbered(segment, range, n);
  if (sumOfLengths(segment.query, n, range.lo, range.hi) > maxEvaluations)
    return std::nullopt;
  int64_t sum = 0;
  std::array<std::vector<int64_t>, 3> columns;
  for (int64_t r = 0; r < segment.query.residues; ++r)
    for (int64_t a = 0; a < segment.query.rows(n, r); ++a) {
      std::array<int64_t, 2> row = {r, a};
      int64_t lo = range.lo.evaluate(row);
      int64_t hi = std::min(range.hi.evaluate(row), segment.key.rows(n, segment.keyResidue(r)));
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

/// The fastest way that there is.
std::optional<int64_t> countSegmentPairs(const Segment &segment) {
  const Segment::Impl &impl = *segment.impl;
  int64_t n = impl.n;
  auto byPeriod = [&](int64_t most) {
    return impl.isCausal ? countByPeriod(impl.condition, n, most) : std::nullopt;
  };
  // Intervals take an evaluation for each row.
  if (auto count = byPeriod(std::clamp(n, fewEvaluations, maxEvaluations)))
    return count;
  if (auto rows = impl.keysOfRows(); rows && rows->contiguous)
    return sumOfLengths(segment.query, n, rows->lo, rows->hi);
  if (auto count = byPeriod(maxEvaluations))
    return count;
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

int64_t Pattern::countKeys(int64_t i) const { return keysOfQuery(condition(), i, size()); }

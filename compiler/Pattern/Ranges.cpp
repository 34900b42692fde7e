//===- Ranges.cpp - which rows a tile meets, in closed form ---------------===//
//
// isl gives the first and the last key of each query row as functions of the row (lexmin, lexmax).
// In most parts both grow with the row, so a tile's bounds are those of its first and last row:
//   [lo, hi) = [lo(first), hi(last)),   [fullLo, fullHi) = [lo(last), hi(first)).
// isl proves that, or the tile's bounds are found from the sets.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/PatternImpl.h"
#include "compiler/Pattern/TileList.h"

#include <array>
#include <cstdlib>

using namespace stc::pattern;

static const std::array<std::string, 2> tileNames = {"r", "t"};

static bool hasSelect(const Expr &expr) {
  for (const Expr &operand : expr.operands())
    if (hasSelect(operand))
      return true;
  return expr.kind() == Expr::Kind::Select;
}

/// True if isl proves the condition over (r, t) for all points of a set.
static bool holdsOn(Context &context, const Expr &condition, const isl::set &points) {
  if (condition.isConstant(1) || points.is_empty())
    return true;
  if (condition.isConstant() || hasSelect(condition))
    return false;
  return points.is_subset(context.set("{ [r, t] : " + condition.str(tileNames) + " }"));
}

static Expr isEmpty(const Expr &lo, const Expr &hi) { return (lo - hi).nonNegative(); }

/// Bounds [lo, hi) of the rows from the first to the last of each tile; right where there are any.
static Bounds extent(const isl::map &touched, const View &other) {
  Expr first = closedFormOf(touched.lexmin_pw_multi_aff().at(0));
  Expr last = closedFormOf(touched.lexmax_pw_multi_aff().at(0));
  return {rowOf(other, first), rowOf(other, last) + Expr::constant(1)};
}

/// Where, among all tiles, some have rows.
static Expr hasRows(const isl::map &touched, const isl::set &all) {
  return conditionOf(coalesced(coalesced(touched.domain()).gist(all)));
}

/// The same with lo >= hi where the tile has none.
static Bounds hull(const Axes &axes, const isl::map &touched, const isl::set &all) {
  auto [lo, hi] = extent(touched, axes.other);
  // The formulas often show by themselves that a tile is empty.
  if (holdsOn(axes.context, isEmpty(lo, hi), all.subtract(touched.domain())))
    return {lo, hi};
  Expr any = hasRows(touched, all);
  return {Expr::select(any, lo, Expr::constant(0)), Expr::select(any, hi, Expr::constant(0))};
}

//===----------------------------------------------------------------------===//
// From rows
//===----------------------------------------------------------------------===//

static isl::map touchedByRows(const Axes &axes, const isl::set &points) {
  return points.apply(axes.context.map("{ [r, x, y] -> [[r, x] -> [y]] }")).unwrap();
}

Bounds stc::pattern::rowBoundsOf(const Axes &axes, const isl::set &points) {
  auto [lo, hi] = hull(axes, touchedByRows(axes, points), axes.coordinates());
  std::array row = {Expr::variable(0), coordinateOf(axes.tiled, Expr::variable(1))};
  return {lo.substitute(row), hi.substitute(row)};
}

bool stc::pattern::areRowsContiguous(const Axes &axes, const isl::set &points) {
  return axes.isContiguous(touchedByRows(axes, points));
}

/// What one row's bounds say about the next one's.
static bool isOrdered(const Axes &axes, const RowForm &rows) {
  std::array next = {Expr::variable(0), Expr::variable(1) + Expr::constant(1)};
  Expr nextLo = rows.lo.substitute(next), nextHi = rows.hi.substitute(next);
  isl::set all = axes.rows();
  isl::map toNext = axes.context.map("{ [r, t] -> [r, t - 1] }");
  isl::set pairs = all.intersect(all.apply(toNext));
  Expr grows = (nextLo - rows.lo).nonNegative() && (nextHi - rows.hi).nonNegative();
  if (!holdsOn(axes.context, grows, pairs))
    return false;
  // Empty rows must not move the bounds of a tile that has others.
  Expr empty = isEmpty(rows.lo, rows.hi), nextEmpty = isEmpty(nextLo, nextHi);
  Expr emptyFirst = empty.isZero() && nextEmpty.isZero() || empty && (nextLo - rows.lo).isZero();
  Expr emptyLast = empty.isZero() && nextEmpty.isZero() || nextEmpty && (nextHi - rows.hi).isZero();
  return holdsOn(axes.context, emptyFirst, pairs) || holdsOn(axes.context, emptyLast, pairs);
}

std::optional<Range> stc::pattern::tileRangeOf(const Axes &axes, const RowForm &rows,
                                               int64_t tile) {
  const View &view = axes.tiled;
  int64_t most = view.maxRows(axes.n), least = view.rows(axes.n, view.residues - 1);
  if (!rows.contiguous || !isOrdered(axes, rows))
    return std::nullopt;
  Expr r = Expr::variable(0), first = Expr::variable(1) * tile;
  Expr last = first + Expr::constant(tile - 1);
  if (least < most)
    last = Expr::min(last, view.rowsOf(axes.n) - Expr::constant(1));
  else if (most % tile)
    last = Expr::min(last, Expr::constant(most - 1));
  auto at = [&](const Expr &form, const Expr &row) { return form.substitute(std::array{r, row}); };
  Range range{at(rows.lo, first), at(rows.lo, last), at(rows.hi, first), at(rows.hi, last)};
  Expr any = (range.fullHi - range.fullLo - Expr::constant(1)).nonNegative();
  if (range.fullLo == range.lo) {
    range.fullHi = Expr::max(range.lo, range.fullHi);
  } else if (holdsOn(axes.context, any.isZero(), axes.tiles(tile))) {
    range.fullLo = range.fullHi = range.lo;
  } else if (!holdsOn(axes.context, any, axes.tiles(tile))) {
    range.fullLo = Expr::select(any, range.fullLo, range.lo);
    range.fullHi = Expr::select(any, range.fullHi, range.lo);
  }
  // The rows of some residues may all be in the tiles before.
  if ((least + tile - 1) / tile < (most + tile - 1) / tile) {
    Expr exists = (view.rowsOf(axes.n) - first - Expr::constant(1)).nonNegative();
    for (Expr *bound : {&range.lo, &range.fullLo, &range.fullHi, &range.hi})
      *bound = Expr::select(exists, *bound, Expr::constant(0));
  }
  return range;
}

//===----------------------------------------------------------------------===//
// From sets
//===----------------------------------------------------------------------===//

/// The touched rows if they have no gap, else one of isl's disjuncts that has none.
static isl::map contiguousPart(const Axes &axes, const isl::map &full) {
  if (full.is_empty() || axes.isContiguous(full))
    return full;
  isl::map best = full.subtract(full);
  full.foreach_basic_map([&](isl::basic_map part) {
    if (best.is_empty() && axes.isContiguous(part))
      best = part;
  });
  return best;
}

Range stc::pattern::generalTileRange(const Axes &axes, const isl::set &points, const isl::set &all,
                                     const isl::set &tiles, int64_t tile) {
  isl::map touched = axes.relation(points, tile);
  auto [lo, hi] = hull(axes, touched, tiles);
  Range result{lo, lo, lo, hi};

  isl::map missing = axes.relation(all.subtract(points), tile);
  isl::map full = contiguousPart(axes, coalesced(touched.subtract(missing)));
  if (full.is_empty())
    return result;
  auto [fullLo, fullHi] = extent(full, axes.other);
  Expr any;
  if (!holdsOn(axes.context, isEmpty(fullLo, fullHi), tiles.subtract(full.domain()))) {
    any = hasRows(full, tiles);
  } else if (fullLo == lo) {
    result.fullHi = Expr::max(lo, fullHi);
    return result;
  } else {
    any = isEmpty(fullLo, fullHi).isZero();
  }
  result.fullLo = Expr::select(any, fullLo, lo);
  result.fullHi = Expr::select(any, fullHi, lo);
  return result;
}

//===----------------------------------------------------------------------===//
// Several ranges
//===----------------------------------------------------------------------===//

NumberedPoints stc::pattern::numberedPoints(Context &context, const isl::map &pairs,
                                            const Expr &number, int64_t n) {
  static const std::array<std::string, 2> names = {"i", "j"};
  NumberedPoints result;
  isl::map withNumber = context.map("{ [i, j] -> [m, i, j] : m = " + number.str(names) + " }");
  result.points = coalesced(pairs.wrap().flatten().apply(withNumber));
  result.all = context.set("{ [m, i, j] : 0 <= i, j < " + std::to_string(n) + " }");
  result.condition = conditionOf(coalesced(result.points.gist(result.all)));
  return result;
}

// The sets { [m, x, y] } are those of an axis whose residue is the number.
Range stc::pattern::numberedRange(Context &context, const NumberedPoints &numbered, int64_t n,
                                  int64_t tile) {
  const Axes axes{context, n, {}, {}, {}};
  isl::map touched = axes.relation(numbered.points, tile);
  isl::map numbers = touched.domain().apply(context.map("{ [m, t] -> [[t] -> [m]] }")).unwrap();
  isl::map between = numbers.apply_range(context.map("{ [m] -> [k] : k >= m }"))
                         .intersect(numbers.apply_range(context.map("{ [m] -> [k] : k <= m }")));
  isl::set tiles = between.wrap().apply(context.map("{ [[t] -> [m]] -> [m, t] }"));
  Range range = generalTileRange(axes, numbered.points, numbered.all, tiles, tile);
  const std::array variables = {Expr::variable(2), Expr::variable(1)};
  for (Expr *bound : {&range.lo, &range.fullLo, &range.fullHi, &range.hi})
    *bound = bound->substitute(variables);
  auto ofTile = [&](const isl::pw_multi_aff &number) {
    return closedFormOf(number.at(0)).substitute(std::array{Expr::variable(1)});
  };
  range.begin = ofTile(numbers.lexmin_pw_multi_aff());
  range.end = ofTile(numbers.lexmax_pw_multi_aff()) + Expr::constant(1);
  Expr any = hasRows(numbers, context.set("{ [t] : 0 <= t < " +
                                          std::to_string((n + tile - 1) / tile) + " }"))
                 .substitute(std::array{Expr::variable(1)});
  range.begin = Expr::select(any, range.begin, Expr::constant(0));
  range.end = Expr::select(any, range.end, Expr::constant(0));
  isl::pw_multi_aff lengths = touched.lexmax_pw_multi_aff().sub(touched.lexmin_pw_multi_aff());
  isl::map longest = isl::manage(isl_map_from_pw_multi_aff(lengths.release()))
                         .apply_domain(context.map("{ [m, t] -> [t] }"));
  range.isSeveral = true;
  // One number for all tiles, where that adds next to nothing.
  range.longest = Expr::constant(longest.range().dim_max_val(0).num_si() + 1);
  Range own = range;
  own.longest = ofTile(longest.lexmax_pw_multi_aff()) + Expr::constant(1);
  constexpr double nextToNothing = 1.02;
  return computedPairs(range, {}, n, tile) <= nextToNothing * computedPairs(own, {}, n, tile)
             ? range
             : own;
}

static int64_t roundedUp(int64_t rows, int64_t tile) { return (rows + tile - 1) / tile * tile; }

int64_t Range::rowsComputed(int64_t residue, int64_t number, int64_t tile) const {
  const std::array<int64_t, 3> at = {residue, number, 0};
  if (isSeveral)
    return std::max<int64_t>(0, end.evaluate(at) - begin.evaluate(at)) *
           roundedUp(longest.evaluate(at), tile);
  const int64_t first = lo.evaluate(at), last = hi.evaluate(at);
  return first < last ? roundedUp(last, tile) - first / tile * tile : 0;
}

double stc::pattern::computedPairs(const Range &range, const View &tiled, int64_t n, int64_t tile) {
  constexpr int64_t most = 64;
  const int64_t tiles = (tiled.maxRows(n) + tile - 1) / tile * tiled.residues;
  const int64_t samples = std::min(tiles, most);
  double rows = 0;
  for (int64_t k = 0; k < samples; ++k) {
    const int64_t number = (2 * k + 1) * tiles / (2 * samples);
    // A tile that meets none computes one all the same.
    rows += double(
        std::max(tile, range.rowsComputed(number % tiled.residues, number / tiled.residues, tile)));
  }
  return rows * double(tile) * double(tiles) / double(samples);
}

//===----------------------------------------------------------------------===//
// Segments
//===----------------------------------------------------------------------===//

/// The least and the greatest j - i of a part's pairs, where isl finds them.
struct Distances {
  std::optional<int64_t> least, greatest;
};

static Distances distancesOf(const Segment::Impl &segment) {
  if (segment.points.is_null())
    return {};
  auto found = segment.context->ask(closedFormBudget, [&] {
    isl::set distances = segment.points.apply(
        segment.context->map("{ [r, x, y] -> [" + positionText(segment.key, "y", segment.residues) +
                             " - (" + positionText(segment.query, "x") + ")] }"));
    isl::val least = distances.dim_min_val(0), greatest = distances.dim_max_val(0);
    auto number = [](const isl::val &value) {
      return value.is_int() ? std::optional<int64_t>(value.num_si()) : std::nullopt;
    };
    return Distances{number(least), number(greatest)};
  });
  return found.value_or(Distances());
}

Expr stc::pattern::positionOf(const View &view, const Expr &residue, const Expr &row) {
  const Expr block = row.floorDiv(view.width);
  return block * view.period + Expr::constant(view.first) + residue * view.width + row -
         block * view.width;
}

/// The last row of a residue that stands at the position or before it.
static Expr lastRowUpTo(const View &view, const Expr &residue, const Expr &position) {
  const Expr past = position - Expr::constant(view.first) - residue * view.width;
  const Expr block = past.floorDiv(view.period);
  return block * view.width + Expr::min(past - block * view.period, Expr::constant(view.width - 1));
}

/// Where isl gave up, what is right whatever the pairs are: no row holds all, and a pair may be
/// wherever a position is no further from the tile's than the part's distances say; of a causal
/// part not behind it.
static Range widest(const Segment::Impl &segment, bool areKeysTiled, int64_t tile) {
  const View &own = areKeysTiled ? segment.key : segment.query;
  const View &other = areKeysTiled ? segment.query : segment.key;
  const ResidueMap residues =
      areKeysTiled ? segment.residues.inverse(segment.key.residues) : segment.residues;
  const Expr zero = Expr::constant(0), one = Expr::constant(1), residue = Expr::variable(0);
  const Expr otherResidue = residues.at(residue, other.residues);
  auto [least, greatest] = distancesOf(segment);
  if (segment.isCausal)
    greatest = std::min<int64_t>(greatest.value_or(0), 0);
  if (areKeysTiled) {
    std::swap(least, greatest);
    for (std::optional<int64_t> *distance : {&least, &greatest})
      if (*distance)
        *distance = -**distance;
  }
  auto rowUpTo = [&](const Expr &row, int64_t distance) {
    if (own == other && residues.isIdentity() && distance == 0)
      return row;
    return lastRowUpTo(other, otherResidue,
                       positionOf(own, residue, row) + Expr::constant(distance));
  };
  const Expr rows = other.rowsOf(segment.n).substitute(std::array{otherResidue});
  const Expr first = Expr::variable(1) * tile, last = first + Expr::constant(tile - 1);
  // A bound that cuts next to nothing off is not worth its length.
  auto isFar = [&](int64_t distance) { return std::abs(distance) + other.period >= segment.n; };
  Expr lo = zero, hi = rows;
  if (least && *least == 0 && own == other && residues.isIdentity())
    lo = first;
  else if (least && !isFar(*least))
    lo = rowUpTo(first, *least - 1) + one;
  if (greatest && !isFar(*greatest))
    hi = rowUpTo(last, *greatest) + one;
  lo = Expr::max(zero, Expr::min(lo, rows));
  hi = Expr::max(lo, Expr::min(hi, rows));
  return {lo, lo, lo, hi, /*isFallback=*/true};
}

static std::optional<RowForm> rowsOf(const Axes &axes, const isl::set &points,
                                     Segment::Impl::Answers &answers) {
  if (answers.rows)
    return answers.rows;
  auto rows = axes.context.ask(closedFormBudget, [&]() -> RowForm {
    return {rowBoundsOf(axes, points), areRowsContiguous(axes, points)};
  });
  if (rows)
    answers.rows = *rows;
  return answers.rows;
}

/// No value if isl gave up.
static std::optional<Range> rangeOf(const Axes &axes, const isl::set &points, const isl::set &all,
                                    Segment::Impl::Answers &answers, int64_t tile) {
  std::optional<RowForm> rows = rowsOf(axes, points, answers);
  auto range = axes.context.ask(closedFormBudget, [&] {
    auto fromRows = rows ? tileRangeOf(axes, *rows, tile) : std::nullopt;
    return fromRows ? *fromRows : generalTileRange(axes, points, all, axes.tiles(tile), tile);
  });
  return range ? std::optional(*range) : std::nullopt;
}

/// Whether rows are full is known of all points only; of those of a list, of its pairs.
static Range withoutOthers(Range range, bool hasOthers) {
  if (hasOthers && !range.listed)
    range.fullLo = range.fullHi = range.lo;
  return range;
}

Range Segment::keysOf(int64_t queryTile) const {
  return withoutOthers(impl->keysOf(queryTile), impl->hasOthers);
}

Range Segment::queriesOf(int64_t keyTile) const {
  return withoutOthers(impl->queriesOf(keyTile), impl->hasOthers);
}

Axes Segment::Impl::byQueries() const { return {*context, n, query, key, residues}; }

Range Segment::Impl::keysOf(int64_t tile) const {
  auto [entry, isNew] = keys.tiles.try_emplace(tile);
  if (!isNew)
    return entry->second;
  if (isListed)
    return entry->second = listedRange({n, query, key, /*areKeysTiled=*/false, condition}, tile);
  std::optional<Range> range;
  if (!points.is_null())
    range = rangeOf(byQueries(), points, all, keys, tile);
  return entry->second = better(range ? *range : widest(*this, /*areKeysTiled=*/false, tile), tile,
                                /*areKeysTiled=*/false);
}

Range Segment::Impl::better(const Range &one, int64_t tile, bool areKeysTiled) const {
  if (!numbered)
    return one;
  auto several = context->ask(rangesBudget, [&] {
    NumberedPoints own = *numbered;
    if (areKeysTiled) {
      isl::map swap = context->map("{ [m, i, j] -> [m, j, i] }");
      own.points = own.points.apply(swap);
      own.all = own.all.apply(swap);
    }
    return numberedRange(*context, own, n, tile);
  });
  return several &&
                 computedPairs(*several, {}, n, tile) < worthwhile * computedPairs(one, {}, n, tile)
             ? *several
             : one;
}

Range Segment::Impl::queriesOf(int64_t tile) const {
  auto [entry, isNew] = queries.tiles.try_emplace(tile);
  if (!isNew)
    return entry->second;
  if (isListed)
    return entry->second = listedRange({n, key, query, /*areKeysTiled=*/true, condition}, tile);
  std::optional<Range> range;
  if (!points.is_null()) {
    const Axes axes{*context, n, key, query, residues.inverse(key.residues)};
    isl::map swap = context->map("{ [r, x, y] -> [s, y, x] : s = " + residues.str(key.residues) +
                                 " and 0 <= r < " + std::to_string(query.residues) + " }");
    range = rangeOf(axes, points.apply(swap), all.apply(swap), queries, tile);
  }
  return entry->second = better(range ? *range : widest(*this, /*areKeysTiled=*/true, tile), tile,
                                /*areKeysTiled=*/true);
}

std::optional<RowForm> Segment::Impl::keysOfRows() const {
  if (points.is_null() || hasOthers)
    return std::nullopt;
  return rowsOf(byQueries(), points, keys);
}

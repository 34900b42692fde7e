//===- Ranges.cpp - which rows a tile meets, in closed form ---------------===//

#include "compiler/Pattern/PatternImpl.h"

#include <isl/aff.h>
#include <isl/map.h>

#include <array>

using namespace stc::pattern;

static const std::array<std::string, 2> tileNames = {"r", "t"};

isl::set TileQuestion::tiles() const {
  int64_t count = (tiled.maxRows(n) + tile - 1) / tile;
  return context.set("{ [r, t] : 0 <= r < " + std::to_string(tiled.residues) + " and 0 <= t < " +
                     std::to_string(count) + " }");
}

isl::map TileQuestion::relation(const isl::set &points) const {
  static const std::array<std::string, 1> names = {"x"};
  std::string size = std::to_string(tile), row = rowOf(tiled, Expr::variable(0)).str(names);
  isl::map toTile = context.map("{ [r, x, y] -> [[r, t] -> [y]] : " + size + "*t <= " + row +
                                " < " + size + "*t + " + size + " }");
  return coalesced(points.apply(toTile)).unwrap();
}

/// True if y occurs in no division of a single disjunct: its values are then an interval.
static bool isConvexInLast(const isl::map &rows) {
  bool convex = rows.n_basic_map() <= 1;
  rows.foreach_basic_map([&](isl::basic_map part) {
    int divisions = isl_basic_map_dim(part.get(), isl_dim_div);
    for (int k = 0; k < divisions && convex; ++k) {
      isl_aff *division = isl_basic_map_get_div(part.get(), k);
      convex = division && isl_aff_is_nan(division) == isl_bool_false &&
               isl_aff_involves_dims(division, isl_dim_in, 2, 1) == isl_bool_false;
      isl_aff_free(division);
    }
  });
  return convex;
}

bool TileQuestion::isContiguous(const isl::map &rows) const {
  if (isConvexInLast(rows))
    return true;
  isl::set axis = context.set("{ [y] : exists r : " + axisConstraints(other, "y", n) + " }");
  if (isConvexInLast(isl::manage(isl_map_gist_range(rows.copy(), axis.copy()))))
    return true;
  isl::map above = rows.apply_range(context.map("{ [y] -> [z] : z > y }"));
  isl::map below = rows.apply_range(context.map("{ [y] -> [z] : z < y }"));
  return above.intersect(below).intersect_range(axis).is_subset(rows);
}

bool stc::pattern::hasSelect(const Expr &expr) {
  for (const Expr &operand : expr.operands())
    if (hasSelect(operand))
      return true;
  return expr.kind() == Expr::Kind::Select;
}

/// True if isl proves lo >= hi for these tiles.
static bool isEmptyOn(Context &context, const Expr &lo, const Expr &hi, const isl::set &tiles) {
  Expr empty = (lo - hi).nonNegative();
  if (tiles.is_empty() || empty.isConstant(1))
    return true;
  if (empty.isConstant() || hasSelect(empty))
    return false;
  return tiles.is_subset(context.set("{ [r, t] : " + empty.str(tileNames) + " }"));
}

/// The rows [lo, hi) from the first to the last of each tile; right where there are any.
static std::pair<Expr, Expr> extent(const isl::map &rows, const View &other) {
  Expr first = closedFormOf(rows.lexmin_pw_multi_aff().at(0));
  Expr last = closedFormOf(rows.lexmax_pw_multi_aff().at(0));
  return {rowOf(other, first), rowOf(other, last) + Expr::constant(1)};
}

/// Where, among all tiles, some have rows.
static Expr hasRows(const isl::map &rows, const isl::set &all) {
  return conditionOf(coalesced(coalesced(rows.domain()).gist(all)));
}

std::pair<Expr, Expr> TileQuestion::hull(const isl::map &touched) const {
  auto [lo, hi] = extent(touched, other);
  isl::set all = tiles();
  // The formulas often show by themselves that a tile is empty.
  if (isEmptyOn(context, lo, hi, all.subtract(touched.domain())))
    return {lo, hi};
  Expr any = hasRows(touched, all);
  return {Expr::select(any, lo, Expr::constant(0)), Expr::select(any, hi, Expr::constant(0))};
}

/// The rows without those outside of a piece that has no gap: all of them, or one of isl's
/// disjuncts.
static isl::map contiguousPart(const TileQuestion &question, const isl::map &full) {
  if (full.is_empty() || question.isContiguous(full))
    return full;
  isl::map best = full.subtract(full);
  full.foreach_basic_map([&](isl::basic_map part) {
    if (best.is_empty() && question.isContiguous(part))
      best = part;
  });
  return best;
}

TileRange TileQuestion::range(const isl::set &points, const isl::set &axes) const {
  isl::map touched = relation(points);
  auto [lo, hi] = hull(touched);
  TileRange result{{lo, lo, lo, hi}, isContiguous(touched)};
  if (tile == 1 && result.exact) {
    // What a single row meets it meets whole; where lo >= hi, both ends are lo.
    result.range.fullHi = Expr::max(lo, hi);
    return result;
  }

  isl::map missing = relation(axes.subtract(points));
  isl::map full = contiguousPart(*this, coalesced(touched.subtract(missing)));
  if (full.is_empty())
    return result;
  isl::set all = tiles(), without = all.subtract(full.domain());
  auto [fullLo, fullHi] = extent(full, other);
  Expr any;
  if (isEmptyOn(context, fullLo, fullHi, without)) {
    if (fullLo == lo) {
      result.range.fullHi = Expr::max(lo, fullHi);
      return result;
    }
    any = (fullHi - fullLo - Expr::constant(1)).nonNegative();
  } else {
    any = hasRows(full, all);
  }
  result.range.fullLo = Expr::select(any, fullLo, lo);
  result.range.fullHi = Expr::select(any, fullHi, lo);
  return result;
}

/// Always right: every row may hold a pair, none holds all.
static TileRange everything(const View &view, int64_t n) {
  Expr zero = Expr::constant(0);
  Expr left = Expr::constant(n - view.first) - Expr::variable(0);
  Expr rows = left.floorDiv(view.period) * view.width +
              Expr::min(Expr::constant(view.width), left.mod(view.period));
  if (view.residues == 1)
    rows = Expr::constant(view.rows(n, 0));
  return {{zero, zero, zero, Expr::max(rows, zero)}, false};
}

static const TileRange &cached(std::map<int64_t, TileRange> &cache, int64_t tile, const View &other,
                               int64_t n, auto compute) {
  auto [entry, isNew] = cache.try_emplace(tile);
  if (isNew)
    entry->second = compute().value_or(everything(other, n));
  return entry->second;
}

const TileRange &Segment::Impl::keysOf(int64_t tile) const {
  return cached(keys, tile, key, n, [&]() -> tl::expected<TileRange, std::string> {
    if (points.is_null())
      return tl::make_unexpected("");
    return context->ask(closedFormBudget, [&] {
      return TileQuestion{*context, query, key, n, tile}.range(points, axes);
    });
  });
}

const TileRange &Segment::Impl::queriesOf(int64_t tile) const {
  return cached(queries, tile, query, n, [&]() -> tl::expected<TileRange, std::string> {
    if (points.is_null())
      return tl::make_unexpected("");
    return context->ask(closedFormBudget, [&] {
      isl::map swap = context->map("{ [r, x, y] -> [r, y, x] }");
      return TileQuestion{*context, key, query, n, tile}.range(points.apply(swap),
                                                               axes.apply(swap));
    });
  });
}

Range Segment::keysOf(int64_t queryTile) const { return impl->keysOf(queryTile).range; }
Range Segment::queriesOf(int64_t keyTile) const { return impl->queriesOf(keyTile).range; }
bool Segment::exactRanges(int64_t queryTile) const { return impl->keysOf(queryTile).exact; }

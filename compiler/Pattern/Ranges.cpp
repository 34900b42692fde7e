//===- Ranges.cpp - which rows a tile meets, in closed form ---------------===//

#include "compiler/Pattern/PatternImpl.h"

#include <array>

using namespace stc::pattern;

static const std::array<std::string, 2> tileNames = {"r", "t"};

isl::map stc::pattern::tileRelation(Context &context, const isl::set &points, int64_t tile) {
  std::string size = std::to_string(tile);
  isl::map toTile = context.map("{ [r, a, b] -> [[r, t] -> [b]] : " + size + "*t <= a < " + size +
                                "*t + " + size + " }");
  return points.apply(toTile).coalesce().unwrap();
}

isl::set stc::pattern::tilesOf(Context &context, const View &view, int64_t n, int64_t tile) {
  int64_t tiles = (view.maxRows(n) + tile - 1) / tile;
  return context.set("{ [r, t] : 0 <= r < " + std::to_string(view.residues) + " and 0 <= t < " +
                     std::to_string(tiles) + " }");
}

/// True if for each tile the rows have no gap.
static bool isContiguous(Context &context, const isl::map &rows) {
  isl::map above = rows.apply_range(context.map("{ [b] -> [c] : c > b }"));
  isl::map below = rows.apply_range(context.map("{ [b] -> [c] : c < b }"));
  return above.intersect(below).is_subset(rows);
}

static bool hasSelect(const Expr &expr) {
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

Hull stc::pattern::hullOf(Context &context, const isl::map &touched, const isl::set &tiles) {
  ClosedForm lo = closedFormOf(touched.lexmin_pw_multi_aff().at(0), tiles);
  ClosedForm hi = closedFormOf(touched.lexmax_pw_multi_aff().at(0), tiles);
  Hull hull{lo.value, hi.value + Expr::constant(1)};
  // The formulas often show by themselves that a tile is empty.
  if (!isEmptyOn(context, hull.lo, hull.hi, tiles.subtract(touched.domain()))) {
    hull.lo = Expr::select(lo.defined, hull.lo, Expr::constant(0));
    hull.hi = Expr::select(hi.defined, hull.hi, Expr::constant(0));
  }
  return hull;
}

/// The part of the full rows that has no gap: all of them, or one of isl's disjuncts.
static isl::map contiguousPart(Context &context, const isl::map &full) {
  if (full.is_empty() || isContiguous(context, full))
    return full;
  isl::map best = full.subtract(full);
  full.foreach_basic_map([&](isl::basic_map part) {
    if (best.is_empty() && isContiguous(context, part))
      best = part;
  });
  return best;
}

static TileRange closedForm(Context &context, const isl::set &points, const isl::set &axes,
                            const isl::set &tiles, int64_t tile) {
  isl::map touched = tileRelation(context, points, tile);
  Hull hull = hullOf(context, touched, tiles);
  TileRange result{{hull.lo, hull.lo, hull.lo, hull.hi}, isContiguous(context, touched)};

  isl::map missing = tileRelation(context, axes.subtract(points), tile);
  isl::map full = contiguousPart(context, touched.subtract(missing).coalesce());
  if (full.is_empty())
    return result;
  ClosedForm lo = closedFormOf(full.lexmin_pw_multi_aff().at(0), tiles);
  ClosedForm hi = closedFormOf(full.lexmax_pw_multi_aff().at(0), tiles);
  Expr fullHi = hi.value + Expr::constant(1);
  Expr any = isEmptyOn(context, lo.value, fullHi, tiles.subtract(full.domain()))
                 ? (hi.value - lo.value).nonNegative()
                 : lo.defined;
  if (lo.defined.isConstant(1))
    any = lo.defined;
  result.range.fullLo = Expr::select(any, lo.value, hull.lo);
  result.range.fullHi = Expr::select(any, fullHi, hull.lo);
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
      return closedForm(*context, points, axes, tilesOf(*context, query, n, tile), tile);
    });
  });
}

const TileRange &Segment::Impl::queriesOf(int64_t tile) const {
  return cached(queries, tile, query, n, [&]() -> tl::expected<TileRange, std::string> {
    if (points.is_null())
      return tl::make_unexpected("");
    return context->ask(closedFormBudget, [&] {
      isl::map swap = context->map("{ [r, a, b] -> [r, b, a] }");
      return closedForm(*context, points.apply(swap), axes.apply(swap),
                        tilesOf(*context, key, n, tile), tile);
    });
  });
}

Range Segment::keysOf(int64_t queryTile) const { return impl->keysOf(queryTile).range; }
Range Segment::queriesOf(int64_t keyTile) const { return impl->queriesOf(keyTile).range; }
bool Segment::exactRanges(int64_t queryTile) const { return impl->keysOf(queryTile).exact; }

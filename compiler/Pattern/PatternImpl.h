//===- PatternImpl.h - what a pattern and its segments hold ---------------===//
#pragma once

#include "compiler/Pattern/Isl.h"
#include "compiler/Pattern/Pattern.h"

#include <map>

namespace stc::pattern {

/// isl's operations per question; about a second.
constexpr unsigned long proofBudget = 4'000'000;
/// The same for what only makes code faster: a view, a closed form. About a tenth of a second.
constexpr unsigned long closedFormBudget = 400'000;

struct Pattern::Impl {
  std::shared_ptr<Context> context;
  std::string text;
  int64_t n = 0;
  Syntax syntax;
  /// Holds for the pattern's pairs, over (i, j) = (0, 1).
  Expr condition;
  /// Null if isl did not get this far within its budget.
  isl::map relation;
  std::string whyNoRelation;
};

/// Reaches into a Pattern from the other files of this library.
struct Access {
  static const Pattern::Impl &impl(const Pattern &pattern) { return *pattern.impl; }
};

/// Keys of query tiles, or queries of key tiles, of one tile size.
struct TileRange {
  Range range;
  /// Every row in [lo, hi) holds a pair.
  bool exact = false;
};

struct Segment::Impl {
  std::shared_ptr<Context> context;
  int64_t n = 0;
  View query, key;
  /// The part's pairs in view coordinates, { [r, a, b] }; null if isl did not get this far.
  isl::set points;
  /// The triples with rows inside both axes.
  isl::set axes;
  mutable std::map<int64_t, TileRange> keys, queries;

  const TileRange &keysOf(int64_t tile) const;
  const TileRange &queriesOf(int64_t tile) const;
};

/// The constraints, in isl's notation, that a position is row `row` of residue r in a view.
std::string viewConstraints(const View &view, const std::string &position, const std::string &row);
/// All (r, a, b) with rows inside the axes of n positions.
std::string axesText(const View &query, const View &key, int64_t n);

/// The rows [lo, hi) that the pairs of a tile span, as closed forms; lo >= hi where there are none.
struct Hull {
  Expr lo, hi;
};
Hull hullOf(Context &context, const isl::map &touched, const isl::set &tiles);

/// The relation { [r, t] -> [b] } from a tile of the middle coordinate to the last one.
isl::map tileRelation(Context &context, const isl::set &points, int64_t tile);
/// The tiles { [r, t] } of a view's axis.
isl::set tilesOf(Context &context, const View &view, int64_t n, int64_t tile);

} // namespace stc::pattern

//===- PatternImpl.h - what a pattern and its segments hold ---------------===//
#pragma once

#include "compiler/Pattern/Isl.h"
#include "compiler/Pattern/Pattern.h"

#include <map>

namespace stc::pattern {

/// isl's operations per question; about a second.
constexpr unsigned long proofBudget = 1'000'000;
/// The same for what only makes code faster: a view, a closed form. About a tenth of a second.
constexpr unsigned long closedFormBudget = 100'000;

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
  /// The part's pairs as { [r, x, y] }, residue and the coordinates of the views' rows (see
  /// coordinateOf); null if isl did not get this far.
  isl::set points;
  /// All triples inside both axes.
  isl::set axes;
  mutable std::map<int64_t, TileRange> keys, queries;

  const TileRange &keysOf(int64_t tile) const;
  const TileRange &queriesOf(int64_t tile) const;
};

// Sets are kept in coordinates in which isl finds short answers: the row itself, or, for a view of
// width > 1, the position, of which the row is a function with divisions that are best put in last.

/// The coordinate of a row, and the row of a coordinate.
Expr coordinateOf(const View &view, const Expr &row);
Expr rowOf(const View &view, const Expr &coordinate);
/// In isl's notation: `position` has the coordinate x and the residue r.
std::string viewConstraints(const View &view, const std::string &position, const std::string &x);
/// In isl's notation: (r, x) is a row of the view that lies below n.
std::string axisConstraints(const View &view, const std::string &x, int64_t n);

/// One axis seen from the other: tiles of rows of `tiled` to rows of `other`.
struct TileQuestion {
  Context &context;
  View tiled, other;
  int64_t n;
  int64_t tile;

  /// The tiles { [r, t] } that the axis has.
  isl::set tiles() const;
  /// From points { [r, x, y] }, x tiled, to { [r, t] -> [y] }.
  isl::map relation(const isl::set &points) const;
  /// True if for each tile the rows have no gap.
  bool isContiguous(const isl::map &rows) const;
  /// Closed forms of the rows [lo, hi) that each tile spans; lo >= hi where there are none.
  std::pair<Expr, Expr> hull(const isl::map &touched) const;
  /// All four bounds, given all points inside both axes.
  TileRange range(const isl::set &points, const isl::set &axes) const;
};

bool hasSelect(const Expr &expr);

} // namespace stc::pattern

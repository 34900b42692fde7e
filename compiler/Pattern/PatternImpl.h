//===- PatternImpl.h - what a pattern and its segments hold ---------------===//
#pragma once

#include "compiler/Pattern/Isl.h"
#include "compiler/Pattern/Pattern.h"

#include <map>

namespace stc::pattern {

/// The longest sequence.
constexpr int64_t maxPositions = int64_t(1) << 30;

/// isl's operations per question; about a second.
constexpr unsigned long proofBudget = 1'000'000;
/// The same where short sequences are decided without isl.
constexpr unsigned long emptyRowsBudget = 250'000;
/// The same for what only makes code faster: a closed form. About a twentieth of a second.
constexpr unsigned long closedFormBudget = 50'000;

/// The same for finding the residues of keys that those of queries meet, in one view.
constexpr unsigned long residuesBudget = 100'000;

/// The same for several ranges of a tile.
constexpr unsigned long rangesBudget = 150'000;

/// What is known of the rows that hold no key.
struct EmptyRows {
  Proof none;
  std::string text;
};

/// A pattern's walks, and how they were found.
struct Split {
  std::vector<Walk> walks;
  std::vector<Choice> choices;
  std::string whyWhole;
};

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
  // Found when they are first asked for. Segments keep the context, not the pattern.
  mutable std::optional<EmptyRows> emptyRows;
  mutable std::optional<Split> split;
};

/// Reaches into a Pattern from the other files of this library.
struct Access {
  static const Pattern::Impl &impl(const Pattern &pattern) { return *pattern.impl; }
};

// Sets are kept in coordinates in which isl finds short answers: the row itself, or, for a view of
// width > 1, the position in the first residue, of which the row is a function with divisions that
// are best put in last.

/// The coordinate of a row, and the row of a coordinate.
Expr coordinateOf(const View &view, const Expr &row);
Expr rowOf(const View &view, const Expr &coordinate);
/// The position of a row of a residue.
Expr positionOf(const View &view, const Expr &residue, const Expr &row);
/// In isl's notation: the position with the coordinate x, of the residue to which a map takes r.
std::string positionText(const View &view, const std::string &x, ResidueMap residues = {});
/// In isl's notation: `position` has the coordinate x and the residue to which a map takes r.
std::string viewConstraints(const View &view, const std::string &position, const std::string &x,
                            ResidueMap residues = {});
/// In isl's notation: x is a row of the view that lies below n, of that residue.
std::string axisConstraints(const View &view, const std::string &x, int64_t n,
                            ResidueMap residues = {});

/// Two axes, of which one is cut into tiles: { [r, x, y] } are a residue of it and coordinates of
/// both; the map says which residue of the other axis.
struct Axes {
  Context &context;
  int64_t n;
  View tiled, other;
  ResidueMap residues;

  /// The rows { [r, t] } and the coordinates of the rows { [r, x] } of the tiled axis.
  isl::set rows() const;
  isl::set coordinates() const;
  /// The tiles { [r, t] } of the tiled axis, as many for each residue.
  isl::set tiles(int64_t tile) const;
  /// From points { [r, x, y] } to { [r, t] -> [y] }, t being x's tile.
  isl::map relation(const isl::set &points, int64_t tile) const;
  /// True if for each tile the rows of the other axis have no gap.
  bool isContiguous(const isl::map &touched) const;
};

/// For each row t of residue r of one axis, which rows of the other it meets, over (r, t) = (0, 1):
/// all in [lo, hi); lo >= hi where the row meets none.
struct Bounds {
  Expr lo, hi;
};

/// The same with what is known besides.
struct RowForm : Bounds {
  /// None in [lo, hi) is missing.
  bool contiguous = false;
};

Bounds rowBoundsOf(const Axes &axes, const isl::set &points);
bool areRowsContiguous(const Axes &axes, const isl::set &points);
/// The bounds of a tile from those of its rows; no value if they do not tell.
std::optional<Range> tileRangeOf(const Axes &axes, const RowForm &rows, int64_t tile);
/// The same from the sets, of some tiles { [r, t] }, where there may be gaps and no order: slower,
/// and longer forms.
Range generalTileRange(const Axes &axes, const isl::set &points, const isl::set &all,
                       const isl::set &tiles, int64_t tile);

/// Pairs that stand where they are, with their numbers: { [m, i, j] }.
struct NumberedPoints {
  isl::set points;
  /// All triples of a number and positions.
  isl::set all;
  /// Holds for the points, over (m, i, j).
  Expr condition;
};
NumberedPoints numberedPoints(Context &context, const isl::map &pairs, const Expr &number,
                              int64_t n);
/// The ranges of tiles of the first position.
Range numberedRange(Context &context, const NumberedPoints &numbered, int64_t n, int64_t tile);
/// About how many pairs square tiles compute, from some of the tiles.
double computedPairs(const Range &range, const View &tiled, int64_t n, int64_t tile);
/// A form that is longer or slower must compute clearly less.
constexpr double worthwhile = 0.9;

struct Segment::Impl {
  std::shared_ptr<Context> context;
  int64_t n = 0;
  View query, key;
  ResidueMap residues;
  /// Holds for the part's pairs among 0 <= i, j < n, over (i, j) = (0, 1).
  Expr condition;
  /// The part was proved to have no pair with j > i.
  bool isCausal = false;
  /// The part's pairs as { [r, x, y] }, r being the query's residue; null if isl did not get this
  /// far.
  isl::set points;
  /// All triples inside both axes.
  isl::set all;
  /// Some of the points are pairs of another part, which the condition leaves out.
  bool hasOthers = false;
  /// Where tiles may meet several ranges; the views then are the identity.
  std::optional<NumberedPoints> numbered;
  /// Tiles meet a list of tiles.
  bool isListed = false;

  Axes byQueries() const;
  Range keysOf(int64_t tile) const;
  Range queriesOf(int64_t tile) const;
  /// Several ranges in place of one, if these compute less.
  Range better(const Range &one, int64_t tile, bool areKeysTiled) const;
  /// The keys of each query row; no value if isl did not get this far.
  std::optional<RowForm> keysOfRows() const;

  /// What one direction has been asked so far.
  struct Answers {
    std::optional<RowForm> rows;
    std::map<int64_t, Range> tiles;
  };
  mutable Answers keys, queries;
};

} // namespace stc::pattern

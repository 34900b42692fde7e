//===- Pattern.h - sparsity patterns as integer sets ----------------------===//
//
// A pattern is a relation { [i] -> [j] } between query positions i and key positions j of a
// sequence of n positions, 0 <= i, j < n. This library parses patterns, proves things of them,
// counts them, splits them into disjoint parts and finds for each part the affine views in which
// it is made of dense tiles. It knows no IR. isl does the set algebra.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Pattern/Expr.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace stc::pattern {

/// What is wrong with a pattern's text: a lower-case sentence with what was found and what was
/// expected, and the byte of the text where it was found.
struct ParseError {
  std::string message;
  size_t offset = 0;
};

/// The answer to a question about sets.
struct Proof {
  enum class Answer { True, False, Unknown };
  Answer answer = Answer::Unknown;
  /// With False: a pair (i, j), checked again on the expression itself.
  std::optional<std::pair<int64_t, int64_t>> counterexample;
  /// With Unknown: why, for a person.
  std::string reason;
};

/// Which residue of the other axis a residue r of k has its pairs with: (factor * r + shift) mod k.
/// The factor has an inverse modulo k, so that no two residues have theirs with the same one.
struct ResidueMap {
  int64_t factor = 1, shift = 0;

  int64_t at(int64_t residue, int64_t residues) const;
  /// The same as an expression.
  Expr at(const Expr &residue, int64_t residues) const;
  /// From the residues of the other axis to those of this one.
  ResidueMap inverse(int64_t residues) const;
  bool isIdentity() const { return *this == ResidueMap(); }
  /// As a number of so many residues: r, or (2*r + 3) mod 5.
  std::string str(int64_t residues) const;
  bool operator==(const ResidueMap &) const = default;
};

/// A change of coordinates of one axis: a position is found from a residue 0 <= r < residues and a
/// row a by
///   position(r, a) = period * floor(a / width) + first + width * r + a mod width.
/// The identity is {1, 0, 1, 1}; the residues of a stride l are {l, 0, 1, l}, those of every k-th
/// block of l positions {k * l, 0, l, k}; the keys of summary(l, c), compacted, are
/// {l, l - c, c, 1}.
struct View {
  int64_t period = 1, first = 0, width = 1, residues = 1;
  /// Short residues side by side: where `together` > 1, row a of residue r is row a mod `rowsEach`
  /// of the stride's residue r * together + a / rowsEach, and all of these have so many rows.
  int64_t together = 1, rowsEach = 0;

  int64_t position(int64_t residue, int64_t row) const;
  /// How many rows of this residue lie below n.
  int64_t rows(int64_t n, int64_t residue) const;
  /// The same as an expression over the residue, variable 0.
  Expr rowsOf(int64_t n) const;
  /// The most rows that any residue has.
  int64_t maxRows(int64_t n) const { return rows(n, 0); }
  /// How many positions below n are in it.
  int64_t positions(int64_t n) const;
  bool isIdentity() const { return *this == View(); }
  /// The residues of a stride, as many of them side by side as `most` rows hold; the view itself
  /// where it is no stride, where n cuts residues to different lengths, or where two are too long.
  View packed(int64_t n, int64_t most) const;
  /// For a person. Where a map says which residues those are of the residues r of another axis,
  /// they are called s.
  std::string str(const ResidueMap &residues) const;
  std::string str() const;
  bool operator==(const View &) const = default;
};

/// For the tile of rows [t * tile, t * tile + tile) of residue r on one axis, rows of the other
/// axis, all in view coordinates, as expressions over the variables (r, t) = (0, 1):
/// rows outside [lo, hi) hold no pair of the part; rows in [fullLo, fullHi) hold all pairs with
/// the tile's rows that exist. lo <= fullLo <= fullHi <= hi where lo < hi; all are in [0, rows].
///
/// Where a tile meets several ranges, these are the bounds of range m, variable 2, and of pairs of
/// number m only; begin <= m < end, and none has more rows than `longest`, all over (r, t).
struct Range {
  Expr lo, fullLo, fullHi, hi;
  /// isl gave up on closed forms: the bounds are those of the least and the greatest distance.
  bool isFallback = false;
  Expr begin = Expr::constant(0), end = Expr::constant(1), longest = {};
  bool isSeveral = false;
  /// Of several: they are those tiles that hold pairs, none with a row in common with another, and
  /// this many entries of a list say which. Then a pair's number is that of the range that has it.
  int64_t listed = 0;

  bool operator==(const Range &) const = default;

  /// The rows of the other axis that a tile computes, in tiles of so many rows: of one range those
  /// of a grid, each of several from its first row on in as many tiles as the longest needs.
  int64_t rowsComputed(int64_t residue, int64_t number, int64_t tile) const;
};

/// What tells the ranges of a tile apart.
struct Numbered {
  /// A number of each pair, over (r, a, b) = (0, 1, 2).
  Expr number;
  /// Holds exactly for the pairs of number m, over (r, a, b, m).
  Expr predicate;
};

/// A part of the pattern in its views: dense tiles, but for a predicate at the edges.
class Segment {
public:
  View query, key;
  /// From a residue of the query's view to the key's.
  ResidueMap residues;
  /// The part itself, as the set notation of a person: for --explain.
  std::string text;
  /// Holds exactly for the part's pairs among those with rows inside the axes, over the variables
  /// (r, a, b) = (0, 1, 2): the query's residue, query row, key row. Constraints implied by the
  /// axes are left out.
  Expr predicate;
  /// Where tiles may meet several ranges.
  std::optional<Numbered> numbered;

  /// Key rows of a tile of query rows, and query rows of a tile of key rows (the relation walked
  /// backward, for dK and dV). Their residue is that of the tile's own view. Several ranges where
  /// these compute less than one, in square tiles.
  Range keysOf(int64_t queryTile) const;
  Range queriesOf(int64_t keyTile) const;
  /// What holds for those of a range's pairs that are the part's: of several ranges over (r, a, b,
  /// m) = (0, 1, 2, 3).
  const Expr &predicateOf(const Range &range) const {
    return range.isSeveral && !range.listed ? numbered->predicate : predicate;
  }
  int64_t keyResidue(int64_t queryResidue) const { return residues.at(queryResidue, key.residues); }

  struct Impl;
  std::shared_ptr<const Impl> impl;
};

/// Parts that share one query view: one kernel, one online softmax over all its segments.
struct Walk {
  View query;
  std::vector<Segment> segments;
};

/// Pairs that may be computed in several ways, and those that were looked at.
struct Choice {
  /// As the set notation of a person.
  std::string pairs;
  struct Way {
    std::string text;
    /// About how many pairs small tiles compute, from some of them; no value if isl gave up.
    std::optional<double> computed;
  };
  std::vector<Way> ways;
  /// Of the ways.
  size_t taken = 0;
};

/// Pairs that tiles of one size visit: full tiles need no predicate, partial ones do.
struct TileCount {
  int64_t full = 0, partial = 0, skipped = 0;
  /// (i, j) pairs computed by full and partial tiles.
  int64_t pairs = 0;
};
TileCount countTiles(const Walk &walk, int64_t n, int64_t queryTile, int64_t keyTile);
/// The exact number of a walk's pairs; no value if it was not found within the budget.
std::optional<int64_t> countPairs(const Walk &walk);

/// What a block of the score matrix has of its pairs. A block that reaches past the last position
/// lacks some.
enum class BlockContent : char { None, Some, All };

/// A pattern over n positions.
class Pattern {
public:
  /// Parses `dense`, `local(w)` (i - j <= w), `dilated(w, d)` (w keys, d apart), `stride(l)`,
  /// `strided(l)` (local | stride), `block(l)`, `blocks(l, k)` (every k-th block of l),
  /// `summary(l, c)` (j mod l >= l - c), `fixed(l, c)` (block | summary), `sinks(k)` and
  /// `global(k)` (j < k), `global(k, l)` (the first k of each l, as keys and as queries),
  /// `longnet(w, a)` or `longnet(w, a, s)` (segments of w, w * a, ..., ever thinner),
  /// `axial(w)` (block | stride), `neighborhood(h, w, k)` or `neighborhood(h, w, kh, kw)` (around a
  /// position of an image), all of them causal; `|`, `-`, `&` (binds tighter) and parentheses; and
  /// isl's notation `{ [i] -> [j] : ... }`, which is causal only if it says so; `n` in it is the
  /// length. `summary(l, c, s)` and `fixed(l, c, s)` take the s-th sub-block from the end (paper,
  /// Sec. 4.3). What is for heads to take in turn, `summary_by_head(l, c)` and
  /// `fixed_by_head(l, c)`, is no pattern but several: see `headPatterns`.
  static tl::expected<Pattern, ParseError> parse(std::string_view text, int64_t n);
  /// Only the syntax, where there is no n yet.
  static std::optional<ParseError> check(std::string_view text);
  /// The texts of the factors of the paper (Sec. 4.3): strided, fixed and axial have two, others
  /// one.
  static std::vector<std::string> factors(std::string_view text);
  /// The row for an aligned embedding: of named patterns their own, such as an image's row, of all
  /// else the moduli and widths of the expression; 0 if it has none.
  static int64_t alignment(std::string_view text);
  /// Over how many positions the expression shows what it is: that of named patterns, most often
  /// their largest argument, or what the moduli of sets have as a common multiple; 0 if it has
  /// neither.
  static int64_t extent(std::string_view text, int64_t n);

  const std::string &text() const;
  int64_t size() const;
  /// Whether a set names the length. Else the pairs over fewer positions are those of these.
  bool namesLength() const;
  bool contains(int64_t i, int64_t j) const;
  /// Holds for the pattern's pairs among all 0 <= i, j < n, over the variables (i, j) = (0, 1):
  /// what `contains` evaluates, for callers that look at many pairs at once.
  const Expr &condition() const;

  /// No pair with j > i.
  Proof causal() const;
  /// Every i has at least one j. A counterexample's second entry is -1.
  Proof noEmptyRow() const;
  /// The rows with no key as text, empty string if there are none.
  std::string emptyRows() const;
  /// The exact number of pairs, without touching n x n of them; no value if it was not found
  /// within the budget.
  std::optional<int64_t> countPairs() const;
  /// Of the blocks of size x size positions, row by row.
  std::vector<BlockContent> blocks(int64_t size) const;
  /// How many keys a query has, 0 <= i < n.
  int64_t countKeys(int64_t i) const;
  bool operator==(const Pattern &) const; // same set, proved

  /// The pattern as kernels to run, over disjoint parts that cover it.
  std::vector<Walk> walks() const;
  /// What was looked at to find them, where there was more than one way.
  const std::vector<Choice> &choices() const;
  /// Why isl did not get as far as to split the pattern, so that it is one part where it stands;
  /// empty if it did.
  const std::string &whyWhole() const;

  struct Impl;

private:
  explicit Pattern(std::shared_ptr<const Impl> impl) : impl(std::move(impl)) {}
  std::shared_ptr<const Impl> impl;
  friend struct Access;
};

/// The patterns that so many heads take in turn, without repetitions, where they take these texts
/// in turn: head h has text h mod p of the p texts and, of each name by head in it, pattern floor(h
/// / p) of those that the name stands for, which come again after the last. One of one text without
/// such a name. A text that cannot be read stays as it is.
std::vector<std::string> headPatterns(const std::vector<std::string> &texts, int64_t heads);

/// The row of an image or of an aligned embedding of n positions with these patterns: the first
/// alignment that the positions hold once; where there is none, the square root of n, rounded up.
int64_t alignedRow(const std::vector<std::string> &texts, int64_t n);

/// How far information travels through a stack of layers.
struct Reach {
  /// True: within `hops` layers every j <= i reaches i. False: a pair that does not, after all
  /// layers.
  Proof proof;
  int hops = 0;
};

/// The paper's validity (Sec. 4.2): every j <= i reaches i through one step of each layer's pattern
/// in turn, where a layer may also pass a position on unchanged (the residual connection).
/// `layers` in the order in which the model applies them, the heads of one layer given as one
/// union; the search stops after `maxHops` layers (the paper's p + 1) or at the last layer.
Reach reaches(const std::vector<Pattern> &layers, int maxHops);

} // namespace stc::pattern

//===- Syntax.h - the expression tree of a pattern's text -----------------===//
//
// Pattern expressions are unions, intersections and differences of leaves, and every leaf, named
// constructor or set notation, is one condition over (i, j). All else in this library works on
// these conditions, so a new constructor is one row of the table in Constructors.cpp.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Pattern/Pattern.h"

namespace stc::pattern {

class Scanner;

struct Syntax {
  enum class Kind { Leaf, Union, Intersection, Difference };
  Kind kind = Kind::Leaf;
  /// Leaf: holds for the pairs of the pattern, over the variables i, j and `existentials` more,
  /// of which some values must make it hold.
  Expr condition;
  unsigned existentials = 0;
  /// Leaf: the text has the length, n, in it.
  bool namesLength = false;
  /// Leaf: the width of a band, 0 if it is none.
  int64_t width = 0;
  /// Union, Intersection, Difference: two operands.
  std::vector<Syntax> operands;
  /// The texts that a shorthand such as strided(l) stands for.
  std::vector<std::string> factors;
  /// The texts of the patterns that heads take in turn; all else here is of the first.
  std::vector<std::string> heads;
  /// A named pattern, as "local(128)": over how many positions it shows what it is, the row of
  /// an aligned embedding where it has one of its own, and where it stands in the text.
  std::string call;
  int64_t extent = 0, row = 0;
  size_t offset = 0, end = 0;
};

/// The names of the variables of a leaf's condition: i, j, e0, e1 and so on.
std::vector<std::string> variableNames(const Syntax &leaf);

/// Parses a whole text for sequences of n positions.
tl::expected<Syntax, ParseError> parseSyntax(std::string_view text, int64_t n);

/// What of a pattern's text is wider than n positions, if anything: a named pattern with an
/// argument above n.
std::optional<ParseError> checkWidths(std::string_view text, int64_t n);

/// Parses isl's notation from its '{' to its '}' (SetNotation.cpp).
Syntax parseSetNotation(Scanner &scanner, int64_t n);

/// The divisors of the floor divisions in all leaves, each once, ascending.
std::vector<int64_t> divisors(const Syntax &syntax);

} // namespace stc::pattern

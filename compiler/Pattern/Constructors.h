//===- Constructors.h - the table of named patterns -----------------------===//
#pragma once

#include "compiler/Pattern/Expr.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace stc::pattern {

/// A parameter of a named pattern, with its bounds.
struct Parameter {
  std::string name;
  int64_t least;
  /// The parameter that bounds it from above, or -1.
  int atMost = -1;
  bool isOdd = false;
};

/// What a named pattern is called with, in a sequence of n positions.
struct Call {
  std::span<const int64_t> arguments;
  int64_t n;
  int64_t operator[](size_t k) const { return arguments[k]; }
};

/// Conditions over (i, j) = (0, 1): a pair that meets one of them is in the pattern.
struct Parts {
  Parts(Expr one) : conditions{std::move(one)} {}
  Parts(std::vector<Expr> several) : conditions(std::move(several)) {}
  std::vector<Expr> conditions;
};

/// One form of a named pattern. A name may have several forms, of different numbers of parameters.
struct Constructor {
  std::string name;
  std::vector<Parameter> parameters = {};
  /// What it is and where it is from, in one sentence for a person.
  std::string meaning = {};
  /// What its arguments have to be beside their own bounds: for a person, and as a condition.
  std::string requirement = {};
  std::function<bool(Call)> isMet = {};
  /// Which pairs it has, of those with j <= i.
  std::function<Parts(Call)> parts = {};
  /// A shorthand has none of these, but the texts of the patterns whose union it is: its factors in
  /// the sense of the paper (arXiv 1904.10509, Sec. 4.3), that layers or heads can take in turn.
  std::function<std::vector<std::string>(Call)> factors = {};
  /// A name by head has no pairs of its own, but the texts of the patterns that heads take in turn.
  std::function<std::vector<std::string>(Call)> heads = {};
  /// Its first parameter is the width of a band.
  bool isBand = false;
  /// The row that an aligned embedding has for it, where its condition does not tell.
  std::function<int64_t(Call)> row = {};
  /// Over how many positions it shows what it is, where that is more than its largest argument.
  std::function<int64_t(Call)> extent = {};

  /// As a person writes it: local(w).
  std::string form() const;
  /// Which values the k-th parameter takes: 1 <= c <= l.
  std::string range(size_t k) const;
  /// The same of all, with what else its arguments have to be: 1 <= w, 2 <= a.
  std::string ranges() const;
  int64_t extentOf(Call call) const;
};

/// All forms, those of one name beside each other.
std::span<const Constructor> constructors();

/// As a person writes it: local(128).
std::string callText(const std::string &name, std::span<const int64_t> arguments);

} // namespace stc::pattern

//===- Linear.h - sums of multiples -----------------------------------------===//
//
// The normal form that Expr keeps its sums in: constant + sum of factor * term, where no term is
// itself a sum, a multiple or a constant, and no term appears twice.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Pattern/Expr.h"

#include <utility>
#include <vector>

namespace stc::pattern {

struct LinearForm {
  int64_t constant = 0;
  std::vector<std::pair<Expr, int64_t>> terms;

  /// Adds factor * expr. False if a number left 64 bits; the form is then useless.
  bool add(const Expr &expr, int64_t factor);
  /// The greatest common divisor of the terms' factors; 0 without terms.
  int64_t gcd() const;
};

/// The same value with fewer nodes where one is found: -floor(x / d) is floor((d - 1 - x) / d),
/// into which multiples of the factor move: 4*t - 4*floor((3*t + 3)/4) is 4*floor(t/4).
Expr tidied(const Expr &expr);

/// floor(a / b), b > 0.
constexpr int64_t floorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
/// a - b * floor(a / b), b > 0.
constexpr int64_t floorModulo(int64_t a, int64_t b) { return a % b + (a % b < 0 ? b : 0); }

} // namespace stc::pattern

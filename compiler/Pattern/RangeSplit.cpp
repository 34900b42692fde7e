//===- RangeSplit.cpp - several ranges of keys for a tile of queries ------===//
//
// The keys of a tile lie in several ranges where a condition repeats: those with
// (i - j) mod 997 <= 50 have gaps of about 900 between them, those of a neighbourhood in an image
// gaps of about a row. What tells the ranges apart is a number that the condition itself has, such
// as floor((i - j) / 997) or floor(i / 220) - floor(j / 220). For each value of it the keys are an
// interval, whose bounds are affine.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/RangeSplit.h"
#include "compiler/Pattern/Linear.h"

#include <algorithm>

using namespace stc::pattern;

namespace {
constexpr size_t mostNumbers = 6;
/// Of a set with more divisions isl takes seconds for operations that are few.
constexpr size_t mostDivisions = 2;

bool dependsOn(const Expr &expr, unsigned variable) {
  if (expr.kind() == Expr::Kind::Variable)
    return expr.value() == int64_t(variable);
  return std::ranges::any_of(expr.operands(),
                             [&](const Expr &operand) { return dependsOn(operand, variable); });
}

/// Over about how many keys a division does not change.
int64_t periodOf(const Expr &division) {
  LinearForm form;
  if (!form.add(division.operands()[0], 1))
    return 0;
  for (const auto &[term, factor] : form.terms)
    if (term == Expr::variable(1))
      return division.value() / std::abs(factor);
  return division.value();
}

class Numbers {
public:
  explicit Numbers(int64_t least) : least(least) {}

  void collect(const Expr &expr) {
    if (expr.kind() == Expr::Kind::FloorDiv && !std::ranges::count(seen, expr))
      seen.push_back(expr);
    if (expr.kind() == Expr::Kind::GreaterEqual0 || expr.kind() == Expr::Kind::Equal0)
      addOf(expr.operands()[0]);
    for (const Expr &operand : expr.operands())
      collect(operand);
  }

  std::vector<Expr> found() const {
    if (seen.size() > mostDivisions)
      return {};
    std::vector<Expr> all = sums;
    for (const Expr &division : divisions)
      if (!std::ranges::count(all, division))
        all.push_back(division);
    if (all.size() > mostNumbers)
      all.resize(mostNumbers, Expr());
    return all;
  }

private:
  void addOf(const Expr &number) {
    LinearForm form, floors;
    if (!form.add(number, 1))
      return;
    int64_t longest = 0;
    for (const auto &[term, factor] : form.terms) {
      if (term.kind() != Expr::Kind::FloorDiv)
        continue;
      floors.terms.emplace_back(term, factor);
      if (!dependsOn(term, 1))
        continue;
      longest = std::max(longest, periodOf(term));
      if (periodOf(term) >= least && !std::ranges::count(divisions, term))
        divisions.push_back(term);
    }
    if (longest < least)
      return;
    int64_t common = floors.gcd();
    if (floors.terms[0].second < 0)
      common = -common;
    Expr sum;
    for (const auto &[term, factor] : floors.terms)
      sum = sum + term * (factor / common);
    if (!std::ranges::count(sums, sum))
      sums.push_back(sum);
  }

  int64_t least;
  std::vector<Expr> sums, divisions, seen;
};
} // namespace

std::vector<Expr> stc::pattern::rangeNumbers(const Expr &condition, int64_t least) {
  Numbers numbers(least);
  numbers.collect(condition);
  return numbers.found();
}

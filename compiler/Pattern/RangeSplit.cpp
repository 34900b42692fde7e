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

bool dependsOn(const Expr &expr, unsigned variable) {
  if (expr.kind() == Expr::Kind::Variable)
    return expr.value() == int64_t(variable);
  return std::ranges::any_of(expr.operands(),
                             [&](const Expr &operand) { return dependsOn(operand, variable); });
}

class Numbers {
public:
  void collect(const Expr &expr) {
    if (expr.kind() == Expr::Kind::GreaterEqual0 || expr.kind() == Expr::Kind::Equal0)
      addOf(expr.operands()[0]);
    for (const Expr &operand : expr.operands())
      collect(operand);
  }

  std::vector<Expr> found() const {
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
    for (const auto &[term, factor] : form.terms) {
      if (term.kind() != Expr::Kind::FloorDiv)
        continue;
      floors.terms.emplace_back(term, factor);
      if (dependsOn(term, 1) && !std::ranges::count(divisions, term))
        divisions.push_back(term);
    }
    if (floors.terms.empty())
      return;
    int64_t common = floors.gcd();
    if (floors.terms[0].second < 0)
      common = -common;
    Expr sum;
    for (const auto &[term, factor] : floors.terms)
      sum = sum + term * (factor / common);
    if (dependsOn(sum, 1) && !std::ranges::count(sums, sum))
      sums.push_back(sum);
  }

  std::vector<Expr> sums, divisions;
};
} // namespace

std::vector<Expr> stc::pattern::rangeNumbers(const Expr &condition) {
  Numbers numbers;
  numbers.collect(condition);
  return numbers.found();
}

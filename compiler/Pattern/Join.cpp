//===- Join.cpp - expressions that differ in constants, as one ------------===//

#include "compiler/Pattern/Join.h"

#include "compiler/Pattern/Linear.h"

#include <algorithm>
#include <limits>

using namespace stc::pattern;
using Kind = Expr::Kind;

namespace {

class Joiner {
public:
  Joiner(unsigned variable, std::span<const int64_t> at)
      : variable(Expr::variable(variable)), at(at) {}

  std::optional<Expr> join(std::span<const Expr> of) const {
    const Expr &first = of.front();
    if (std::ranges::all_of(of, [&](const Expr &expr) { return expr == first; }))
      return first;
    auto isSum = [](const Expr &expr) {
      return expr.kind() == Kind::Add || expr.kind() == Kind::Multiply || expr.isConstant();
    };
    if (std::ranges::any_of(of, isSum))
      return joinSums(of);
    auto isLike = [&](const Expr &expr) {
      return expr.kind() == first.kind() && expr.value() == first.value() &&
             expr.table() == first.table();
    };
    if (!std::ranges::all_of(of, isLike))
      return std::nullopt;
    std::vector<Expr> operands;
    for (size_t k = 0; k < first.operands().size(); ++k) {
      std::vector<Expr> each;
      for (const Expr &expr : of)
        each.push_back(expr.operands()[k]);
      std::optional<Expr> operand = join(each);
      if (!operand)
        return std::nullopt;
      operands.push_back(*operand);
    }
    return rebuilt(first, operands);
  }

private:
  /// Sums leave out a constant of 0.
  std::optional<Expr> joinSums(std::span<const Expr> of) const {
    std::vector<LinearForm> forms(of.size());
    std::vector<int64_t> constants;
    for (size_t k = 0; k < of.size(); ++k) {
      if (!forms[k].add(of[k], 1) || forms[k].terms.size() != forms[0].terms.size())
        return std::nullopt;
      constants.push_back(forms[k].constant);
    }
    // In this order, or the sum would not be the same expression.
    Expr sum;
    for (size_t term = 0; term < forms[0].terms.size(); ++term) {
      const int64_t factor = forms[0].terms[term].second;
      std::vector<Expr> each;
      for (const LinearForm &form : forms) {
        if (form.terms[term].second != factor)
          return std::nullopt;
        each.push_back(form.terms[term].first);
      }
      std::optional<Expr> joinedTerm = join(each);
      if (!joinedTerm)
        return std::nullopt;
      sum = sum + *joinedTerm * factor;
    }
    std::optional<Expr> constant = joinNumbers(constants);
    return constant ? std::optional(sum + *constant) : std::nullopt;
  }

  std::optional<Expr> joinNumbers(std::span<const int64_t> numbers) const {
    const int64_t rise = numbers[1] - numbers[0], run = at[1] - at[0];
    const int64_t slope = rise / run, begin = numbers[0] - slope * at[0];
    bool isLinear = true;
    for (size_t k = 0; k < numbers.size(); ++k)
      isLinear = isLinear && numbers[k] == begin + slope * at[k];
    if (isLinear)
      return variable * slope + Expr::constant(begin);
    auto table = std::make_shared<std::vector<int32_t>>(std::ranges::max(at) + 1);
    for (size_t k = 0; k < numbers.size(); ++k) {
      if (numbers[k] != int32_t(numbers[k]))
        return std::nullopt;
      (*table)[at[k]] = int32_t(numbers[k]);
    }
    return Expr::lookup(std::move(table), variable);
  }

  static std::optional<Expr> rebuilt(const Expr &expr, std::span<const Expr> operands) {
    switch (expr.kind()) {
    case Kind::FloorDiv:
      return operands[0].floorDiv(expr.value());
    case Kind::Min:
      return Expr::min(operands[0], operands[1]);
    case Kind::Max:
      return Expr::max(operands[0], operands[1]);
    case Kind::Select:
      return Expr::select(operands[0], operands[1], operands[2]);
    case Kind::GreaterEqual0:
      return operands[0].nonNegative();
    case Kind::Equal0:
      return operands[0].isZero();
    case Kind::And:
      return operands[0] && operands[1];
    case Kind::Or:
      return operands[0] || operands[1];
    case Kind::Lookup:
      return Expr::lookup(expr.table(), operands[0]);
    default:
      return std::nullopt;
    }
  }

  const Expr variable;
  std::span<const int64_t> at;
};

} // namespace

std::optional<Expr> stc::pattern::joined(std::span<const Expr> of, unsigned variable,
                                         std::span<const int64_t> at) {
  std::optional<Expr> one = Joiner(variable, at).join(of);
  // What simplifies when it is built is no longer what it was made of.
  for (size_t k = 0; one && k < of.size(); ++k) {
    std::vector<Expr> values;
    for (unsigned other = 0; other < variable; ++other)
      values.push_back(Expr::variable(other));
    values.push_back(Expr::constant(at[k]));
    if (!(one->substitute(values) == of[k]))
      return std::nullopt;
  }
  return one;
}

//===- Expr.cpp - building, simplifying and evaluating expressions --------===//

#include "compiler/Pattern/Expr.h"

#include "compiler/Pattern/Linear.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <functional>
#include <numeric>

using namespace stc::pattern;
using Kind = Expr::Kind;

struct Expr::Node {
  Kind kind;
  int64_t value = 0;
  std::vector<Expr> operands;
  size_t size = 1;
  Table table = {};

  int64_t at(int64_t index) const {
    return (*table)[std::clamp<int64_t>(index, 0, int64_t(table->size()) - 1)];
  }
};

namespace stc::pattern {
/// Builds nodes as they are; everything else goes through the simplifying functions.
struct ExprBuilder {
  static Expr build(Kind kind, int64_t value, std::vector<Expr> operands, Table table = {}) {
    constexpr size_t most = size_t(1) << 40; // nested sharing grows as a power
    size_t size = 1;
    for (const Expr &operand : operands)
      size = std::min(most, size + operand.size());
    return Expr(std::make_shared<Expr::Node>(kind, value, std::move(operands), size, table));
  }
};
} // namespace stc::pattern

static Expr build(Kind kind, int64_t value, std::vector<Expr> operands) {
  return ExprBuilder::build(kind, value, std::move(operands));
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

bool LinearForm::add(const Expr &expr, int64_t factor) {
  switch (expr.kind()) {
  case Kind::Constant: {
    int64_t product;
    return !__builtin_mul_overflow(expr.value(), factor, &product) &&
           !__builtin_add_overflow(constant, product, &constant);
  }
  case Kind::Add:
    return add(expr.operands()[0], factor) && add(expr.operands()[1], factor);
  case Kind::Multiply: {
    int64_t product;
    return !__builtin_mul_overflow(expr.value(), factor, &product) &&
           add(expr.operands()[0], product);
  }
  default:
    break;
  }
  auto known = std::ranges::find(terms, expr, &std::pair<Expr, int64_t>::first);
  if (known == terms.end()) {
    terms.emplace_back(expr, factor);
    return true;
  }
  if (__builtin_add_overflow(known->second, factor, &known->second))
    return false;
  if (known->second == 0)
    terms.erase(known);
  return true;
}

int64_t LinearForm::gcd() const {
  int64_t result = 0;
  for (const auto &[term, factor] : terms)
    result = std::gcd(result, factor);
  return result;
}

static Expr multiple(const Expr &term, int64_t factor) {
  return factor == 1 ? term : build(Kind::Multiply, factor, {term});
}

static Expr toExpr(const LinearForm &form) {
  if (form.terms.empty())
    return Expr::constant(form.constant);
  Expr sum = multiple(form.terms[0].first, form.terms[0].second);
  for (size_t k = 1; k < form.terms.size(); ++k)
    sum = build(Kind::Add, 0, {sum, multiple(form.terms[k].first, form.terms[k].second)});
  return form.constant == 0 ? sum : build(Kind::Add, 0, {sum, Expr::constant(form.constant)});
}

namespace stc::pattern {

Expr operator+(Expr a, Expr b) {
  LinearForm form;
  if (form.add(a, 1) && form.add(b, 1))
    return toExpr(form);
  return build(Kind::Add, 0, {a, b});
}

Expr operator-(Expr a, Expr b) { return a + b * -1; }

Expr operator*(Expr a, int64_t factor) {
  if (factor == 0)
    return Expr::constant(0);
  LinearForm form;
  if (form.add(a, factor))
    return toExpr(form);
  return build(Kind::Multiply, factor, {a});
}

} // namespace stc::pattern

/// floor(form / divisor) where form = k * x + c * floor(x / w) + e stays, for each value of the
/// inner floor, within one multiple of the divisor: a multiple of that floor.
static std::optional<Expr> floorOfFloor(const LinearForm &form, int64_t divisor) {
  for (const auto &[floor, outer] : form.terms) {
    if (floor.kind() != Kind::FloorDiv)
      continue;
    // x = w * floor(x / w) + m with 0 <= m < w.
    int64_t width = floor.value();
    LinearForm inner, rest = form;
    if (!inner.add(floor.operands()[0], 1) || inner.terms.empty() || !rest.add(floor, -outer) ||
        rest.terms.empty() || rest.terms[0].second % inner.terms[0].second)
      continue;
    int64_t times = rest.terms[0].second / inner.terms[0].second, step, spread;
    if (!rest.add(floor.operands()[0], -times) || !rest.terms.empty() ||
        __builtin_mul_overflow(times, width, &step) || __builtin_add_overflow(step, outer, &step) ||
        step % divisor || __builtin_mul_overflow(times, width - 1, &spread))
      continue;
    int64_t low, high;
    if (__builtin_add_overflow(rest.constant, std::min<int64_t>(0, spread), &low) ||
        __builtin_add_overflow(rest.constant, std::max<int64_t>(0, spread), &high) ||
        floorDivide(low, divisor) != floorDivide(high, divisor))
      continue;
    return floor * (step / divisor) + Expr::constant(floorDivide(low, divisor));
  }
  return std::nullopt;
}

Expr Expr::floorDiv(int64_t divisor) const {
  assert(divisor > 0 && "expected a positive divisor");
  if (divisor == 1)
    return *this;
  if (isConstant())
    return constant(floorDivide(value(), divisor));
  int64_t product;
  if (kind() == Kind::FloorDiv && !__builtin_mul_overflow(value(), divisor, &product))
    return operands()[0].floorDiv(product);
  LinearForm form, quotient, remainder;
  if (!form.add(*this, 1))
    return build(Kind::FloorDiv, divisor, {*this});
  if (std::optional<Expr> simple = floorOfFloor(form, divisor))
    return *simple;
  // floor((d * q + x) / d) = q + floor(x / d), with |coefficients of x| < d.
  quotient.constant = floorDivide(form.constant, divisor);
  remainder.constant = floorModulo(form.constant, divisor);
  for (const auto &[term, factor] : form.terms) {
    if (factor / divisor)
      quotient.terms.emplace_back(term, factor / divisor);
    if (factor % divisor)
      remainder.terms.emplace_back(term, factor % divisor);
  }
  // With all factors of x divisible by g, so is x but for its constant: divide by g | d first.
  int64_t shared = std::gcd(remainder.gcd(), divisor);
  if (shared > 1) {
    for (auto &[term, factor] : remainder.terms)
      factor /= shared;
    remainder.constant /= shared;
    divisor /= shared;
  }
  Expr rest = toExpr(remainder);
  if (rest.isConstant())
    return toExpr(quotient) + constant(floorDivide(rest.value(), divisor));
  if (divisor == 1)
    return toExpr(quotient) + rest;
  if (quotient.terms.empty() && rest.kind() == Kind::FloorDiv)
    return rest.floorDiv(divisor) + constant(quotient.constant);
  return toExpr(quotient) + build(Kind::FloorDiv, divisor, {rest});
}

Expr Expr::mod(int64_t divisor) const { return *this - floorDiv(divisor) * divisor; }

/// The form with its k-th term, a negative multiple of a floor division, written as a positive one.
static std::optional<Expr> withPositiveFloor(const LinearForm &form, size_t k) {
  auto [floor, factor] = form.terms[k];
  if (floor.kind() != Kind::FloorDiv || factor >= 0 || factor == INT64_MIN)
    return std::nullopt;
  int64_t divisor = floor.value();
  LinearForm rest = form, inside;
  inside.constant = divisor - 1;
  if (!rest.add(floor, -factor) || !inside.add(floor.operands()[0], -1))
    return std::nullopt;
  for (const auto &[term, times] : LinearForm(rest).terms) {
    int64_t moved;
    if (times % factor)
      continue;
    if (__builtin_mul_overflow(times / -factor, divisor, &moved) || !inside.add(term, moved) ||
        !rest.add(term, -times))
      return std::nullopt;
  }
  return toExpr(rest) + toExpr(inside).floorDiv(divisor) * -factor;
}

Expr stc::pattern::tidied(const Expr &expr) {
  LinearForm form;
  if (!form.add(expr, 1))
    return expr;
  Expr best = expr;
  for (size_t k = 0; k < form.terms.size(); ++k)
    if (auto other = withPositiveFloor(form, k); other && other->size() < best.size())
      best = *other;
  return best.size() < expr.size() ? tidied(best) : best;
}

//===----------------------------------------------------------------------===//
// Leaves, choices and conditions
//===----------------------------------------------------------------------===//

Expr Expr::constant(int64_t value) { return build(Kind::Constant, value, {}); }
Expr Expr::variable(unsigned index) { return build(Kind::Variable, index, {}); }
Expr::Expr() : Expr(constant(0)) {}

static void flatten(Kind kind, const Expr &expr, std::vector<Expr> &operands) {
  if (expr.kind() == kind) {
    for (const Expr &operand : expr.operands())
      flatten(kind, operand, operands);
    return;
  }
  if (std::ranges::find(operands, expr) == operands.end())
    operands.push_back(expr);
}

/// An associative, commutative, idempotent operation over the distinct operands of a and b.
static Expr combine(Kind kind, const Expr &a, const Expr &b) {
  std::vector<Expr> operands;
  flatten(kind, a, operands);
  flatten(kind, b, operands);
  Expr result = operands[0];
  for (size_t k = 1; k < operands.size(); ++k)
    result = build(kind, 0, {result, operands[k]});
  return result;
}

/// The constant a - b, where it is one.
static std::optional<int64_t> difference(const Expr &a, const Expr &b) {
  LinearForm form;
  if (form.add(a, 1) && form.add(b, -1) && form.terms.empty())
    return form.constant;
  return std::nullopt;
}

Expr Expr::min(Expr a, Expr b) {
  if (auto gap = difference(a, b))
    return *gap <= 0 ? a : b;
  return combine(Kind::Min, a, b);
}

Expr Expr::max(Expr a, Expr b) {
  if (auto gap = difference(a, b))
    return *gap >= 0 ? a : b;
  return combine(Kind::Max, a, b);
}

static bool isCondition(const Expr &expr) {
  switch (expr.kind()) {
  case Kind::GreaterEqual0:
  case Kind::Equal0:
  case Kind::And:
  case Kind::Or:
    return true;
  case Kind::Constant:
    return expr.value() == 0 || expr.value() == 1;
  default:
    return false;
  }
}

Expr Expr::select(Expr condition, Expr a, Expr b) {
  if (condition.isConstant())
    return condition.value() ? a : b;
  return a == b ? a : build(Kind::Select, 0, {condition, a, b});
}

Expr Expr::lookup(Table table, Expr index) {
  Expr element = ExprBuilder::build(Kind::Lookup, 0, {index}, std::move(table));
  return index.isConstant() ? constant(element.evaluate({})) : element;
}

Expr Expr::nonNegative() const {
  if (isConstant())
    return constant(value() >= 0);
  LinearForm form;
  if (!form.add(*this, 1))
    return build(Kind::GreaterEqual0, 0, {*this});
  // g * x + c >= 0 holds where x + floor(c / g) >= 0 does.
  int64_t shared = form.gcd();
  for (auto &[term, factor] : form.terms)
    factor /= shared;
  form.constant = floorDivide(form.constant, shared);
  return build(Kind::GreaterEqual0, 0, {toExpr(form)});
}

Expr Expr::isZero() const {
  if (isConstant())
    return constant(value() == 0);
  if (kind() == Kind::GreaterEqual0)
    return (operands()[0] * -1 - constant(1)).nonNegative();
  if (kind() == Kind::Equal0 && isCondition(operands()[0]))
    return operands()[0];
  if (kind() == Kind::And)
    return operands()[0].isZero() || operands()[1].isZero();
  if (kind() == Kind::Or)
    return operands()[0].isZero() && operands()[1].isZero();
  if (isCondition(*this))
    return build(Kind::Equal0, 0, {*this});
  LinearForm form;
  if (!form.add(*this, 1))
    return build(Kind::Equal0, 0, {*this});
  int64_t shared = form.gcd();
  if (form.constant % shared)
    return constant(0);
  for (auto &[term, factor] : form.terms)
    factor /= shared;
  form.constant /= shared;
  return build(Kind::Equal0, 0, {toExpr(form)});
}

/// The condition that expr is not 0, with the value 0 or 1.
static Expr truth(const Expr &expr) { return isCondition(expr) ? expr : expr.isZero().isZero(); }

namespace stc::pattern {

Expr operator&&(Expr a, Expr b) {
  a = truth(a), b = truth(b);
  if (a.isConstant())
    return a.value() ? b : a;
  if (b.isConstant())
    return b.value() ? a : b;
  return combine(Kind::And, a, b);
}

Expr operator||(Expr a, Expr b) {
  a = truth(a), b = truth(b);
  if (a.isConstant())
    return a.value() ? a : b;
  if (b.isConstant())
    return b.value() ? b : a;
  return combine(Kind::Or, a, b);
}

} // namespace stc::pattern

//===----------------------------------------------------------------------===//
// Looking at expressions
//===----------------------------------------------------------------------===//

Kind Expr::kind() const { return node->kind; }
int64_t Expr::value() const { return node->value; }
size_t Expr::size() const { return node->size; }
std::span<const Expr> Expr::operands() const { return node->operands; }
const Table &Expr::table() const { return node->table; }

bool Expr::operator==(const Expr &other) const {
  return node == other.node ||
         (kind() == other.kind() && value() == other.value() && table() == other.table() &&
          std::ranges::equal(operands(), other.operands()));
}

// Arithmetic that wraps: no input may make evaluation undefined.
static int64_t wrapAdd(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
static int64_t wrapMultiply(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }

int64_t Expr::evaluate(std::span<const int64_t> variables) const {
  auto operand = [&](unsigned index) { return operands()[index].evaluate(variables); };
  switch (kind()) {
  case Kind::Constant:
    return value();
  case Kind::Variable:
    return variables[value()];
  case Kind::Add:
    return wrapAdd(operand(0), operand(1));
  case Kind::Multiply:
    return wrapMultiply(operand(0), value());
  case Kind::FloorDiv:
    return floorDivide(operand(0), value());
  case Kind::Min:
    return std::min(operand(0), operand(1));
  case Kind::Max:
    return std::max(operand(0), operand(1));
  case Kind::Select:
    return operand(0) ? operand(1) : operand(2);
  case Kind::GreaterEqual0:
    return operand(0) >= 0;
  case Kind::Equal0:
    return operand(0) == 0;
  case Kind::And:
    return operand(0) && operand(1);
  case Kind::Or:
    return operand(0) || operand(1);
  case Kind::Lookup:
    return node->at(operand(0));
  }
  return 0;
}

std::vector<int64_t> Expr::evaluateMany(std::span<const std::vector<int64_t>> columns,
                                        size_t count) const {
  if (isConstant())
    return std::vector<int64_t>(count, value());
  if (kind() == Kind::Variable)
    return std::vector<int64_t>(columns[value()].begin(), columns[value()].begin() + count);

  std::vector<int64_t> result = operands()[0].evaluateMany(columns, count);
  auto each = [&](auto function) {
    for (int64_t &element : result)
      element = function(element);
    return std::move(result);
  };
  auto with = [&](auto function) {
    std::vector<int64_t> other = operands()[1].evaluateMany(columns, count);
    for (size_t k = 0; k < count; ++k)
      result[k] = function(result[k], other[k]);
    return std::move(result);
  };
  int64_t number = value();
  switch (kind()) {
  case Kind::Add:
    return with(wrapAdd);
  case Kind::Multiply:
    return each([=](int64_t x) { return wrapMultiply(x, number); });
  case Kind::FloorDiv:
    if ((number & (number - 1)) == 0)
      return each([shift = __builtin_ctzll(number)](int64_t x) { return x >> shift; });
    return each([=](int64_t x) { return floorDivide(x, number); });
  case Kind::Min:
    return with([](int64_t a, int64_t b) { return std::min(a, b); });
  case Kind::Max:
    return with([](int64_t a, int64_t b) { return std::max(a, b); });
  case Kind::Select: {
    std::vector<int64_t> yes = operands()[1].evaluateMany(columns, count);
    std::vector<int64_t> no = operands()[2].evaluateMany(columns, count);
    for (size_t k = 0; k < count; ++k)
      result[k] = result[k] ? yes[k] : no[k];
    return result;
  }
  case Kind::GreaterEqual0:
    return each([](int64_t x) -> int64_t { return x >= 0; });
  case Kind::Equal0:
    return each([](int64_t x) -> int64_t { return x == 0; });
  case Kind::And:
    return with([](int64_t a, int64_t b) -> int64_t { return a && b; });
  case Kind::Or:
    return with([](int64_t a, int64_t b) -> int64_t { return a || b; });
  case Kind::Lookup:
    return each([&](int64_t x) { return node->at(x); });
  case Kind::Constant:
  case Kind::Variable:
    break;
  }
  return result;
}

Expr Expr::substitute(std::span<const Expr> values) const {
  auto operand = [&](unsigned index) { return operands()[index].substitute(values); };
  switch (kind()) {
  case Kind::Constant:
    return *this;
  case Kind::Variable:
    return size_t(value()) < values.size() ? values[value()] : *this;
  case Kind::Add:
    return operand(0) + operand(1);
  case Kind::Multiply:
    return operand(0) * value();
  case Kind::FloorDiv:
    return operand(0).floorDiv(value());
  case Kind::Min:
    return min(operand(0), operand(1));
  case Kind::Max:
    return max(operand(0), operand(1));
  case Kind::Select:
    return select(operand(0), operand(1), operand(2));
  case Kind::GreaterEqual0:
    return operand(0).nonNegative();
  case Kind::Equal0:
    return operand(0).isZero();
  case Kind::And:
    return operand(0) && operand(1);
  case Kind::Or:
    return operand(0) || operand(1);
  case Kind::Lookup:
    return lookup(table(), operand(0));
  }
  return *this;
}

static bool isAlways0(Interval values) { return values.lo == 0 && values.hi == 0; }
static bool isNever0(Interval values) { return values.lo > 0 || values.hi < 0; }

std::optional<Interval> Expr::bounds(std::span<const Interval> ranges) const {
  if (isConstant())
    return Interval{value(), value()};
  if (kind() == Kind::Variable)
    return ranges[value()];
  std::array<Interval, 3> parts;
  for (size_t k = 0; k < operands().size(); ++k) {
    auto part = operands()[k].bounds(ranges);
    if (!part)
      return std::nullopt;
    parts[k] = *part;
  }
  const auto &[a, b, c] = parts;
  Interval result;
  switch (kind()) {
  case Kind::Add:
    if (__builtin_add_overflow(a.lo, b.lo, &result.lo) ||
        __builtin_add_overflow(a.hi, b.hi, &result.hi))
      return std::nullopt;
    return result;
  case Kind::Multiply:
    if (__builtin_mul_overflow(a.lo, value(), &result.lo) ||
        __builtin_mul_overflow(a.hi, value(), &result.hi))
      return std::nullopt;
    if (value() < 0)
      std::swap(result.lo, result.hi);
    return result;
  case Kind::FloorDiv:
    return Interval{floorDivide(a.lo, value()), floorDivide(a.hi, value())};
  case Kind::Min:
    return Interval{std::min(a.lo, b.lo), std::min(a.hi, b.hi)};
  case Kind::Max:
    return Interval{std::max(a.lo, b.lo), std::max(a.hi, b.hi)};
  case Kind::Select:
    return Interval{std::min(b.lo, c.lo), std::max(b.hi, c.hi)};
  case Kind::GreaterEqual0:
    return Interval{a.lo >= 0, a.hi >= 0};
  case Kind::Equal0:
    return Interval{a.lo == 0 && a.hi == 0, a.lo <= 0 && a.hi >= 0};
  case Kind::And:
    return Interval{isNever0(a) && isNever0(b), !isAlways0(a) && !isAlways0(b)};
  case Kind::Or:
    return Interval{isNever0(a) || isNever0(b), !isAlways0(a) || !isAlways0(b)};
  case Kind::Lookup: {
    const auto [least, greatest] = std::ranges::minmax(*table());
    return Interval{least, greatest};
  }
  case Kind::Constant:
  case Kind::Variable:
    break;
  }
  return std::nullopt;
}

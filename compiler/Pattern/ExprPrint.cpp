//===- ExprPrint.cpp - expressions as a person writes them ----------------===//

#include "compiler/Pattern/Expr.h"
#include "compiler/Pattern/Linear.h"

#include <algorithm>

using namespace stc::pattern;
using Kind = Expr::Kind;
using Names = std::span<const std::string>;

static std::string magnitude(int64_t number) {
  return std::to_string(number < 0 ? -uint64_t(number) : uint64_t(number));
}

/// |factor| * text.
static std::string product(int64_t factor, const std::string &text) {
  return factor == 1 || factor == -1 ? text : magnitude(factor) + "*" + text;
}

static std::string atom(const Expr &expr, Names names) {
  switch (expr.kind()) {
  case Kind::Variable:
    return names[expr.value()];
  case Kind::FloorDiv: {
    const Expr &of = expr.operands()[0];
    std::string text = of.str(names);
    if (of.kind() == Kind::Add || of.kind() == Kind::Multiply)
      text = "(" + text + ")";
    return "floor(" + text + "/" + std::to_string(expr.value()) + ")";
  }
  case Kind::Min:
  case Kind::Max:
    return std::string(expr.kind() == Kind::Min ? "min(" : "max(") + expr.operands()[0].str(names) +
           ", " + expr.operands()[1].str(names) + ")";
  case Kind::Lookup:
    return "table[" + expr.operands()[0].str(names) + "]";
  default:
    return "(" + expr.str(names) + ")";
  }
}

/// One summand: its sign is that of the factor.
struct Summand {
  int64_t factor;
  std::string text;
};

/// x - d * floor(x / d) is what a person writes as x mod d: moves such terms out of the form.
static std::vector<Summand> takeModulos(LinearForm &form, Names names) {
  std::vector<Summand> found;
  for (size_t k = 0; k < form.terms.size();) {
    auto [term, factor] = form.terms[k];
    if (term.kind() != Kind::FloorDiv || factor % term.value()) {
      ++k;
      continue;
    }
    int64_t divisor = term.value();
    const Expr &of = term.operands()[0];
    int64_t times = -(factor / divisor);
    LinearForm rest = form;
    if (!rest.add(term, -factor) || !rest.add(of, -times) ||
        rest.terms.size() >= form.terms.size() - 1) {
      ++k;
      continue;
    }
    std::string text = of.str(names);
    if (of.kind() == Kind::Add || of.kind() == Kind::Multiply)
      text = "(" + text + ")";
    text += " mod " + std::to_string(divisor);
    found.push_back({times, times == 1 ? text : "(" + text + ")"});
    form = rest;
    k = 0;
  }
  return found;
}

/// The summands of an expression, its constant apart.
static std::pair<std::vector<Summand>, int64_t> summands(const Expr &expr, Names names) {
  LinearForm form;
  if (!form.add(expr, 1)) {
    std::string text;
    for (const Expr &operand : expr.operands())
      text += (text.empty() ? "" : " + ") + atom(operand, names);
    if (expr.kind() == Kind::Multiply)
      text = std::to_string(expr.value()) + "*" + text;
    return {{{1, "(" + text + ")"}}, 0};
  }
  std::vector<Summand> modulos = takeModulos(form, names), result;
  for (const auto &[term, factor] : form.terms)
    result.push_back({factor, atom(term, names)});
  std::ranges::move(modulos, std::back_inserter(result));
  return {std::move(result), form.constant};
}

static std::string sum(const std::vector<Summand> &parts, int64_t constant) {
  std::string text;
  auto append = [&](bool negative, const std::string &part) {
    text += text.empty() ? (negative ? "-" : "") : (negative ? " - " : " + ");
    text += part;
  };
  for (const Summand &part : parts)
    if (part.factor > 0)
      append(false, product(part.factor, part.text));
  bool leading = text.empty() && constant > 0;
  if (leading)
    append(false, magnitude(constant));
  for (const Summand &part : parts)
    if (part.factor < 0)
      append(true, product(part.factor, part.text));
  if (!leading && (constant != 0 || text.empty()))
    append(constant < 0, magnitude(constant));
  return text;
}

/// `expr >= 0`, `expr = 0` or `expr != 0`, with every term on the side where it is positive and
/// the constant alone on its side where both signs appear.
static std::string comparison(const Expr &expr, const std::string &relation, Names names) {
  auto [parts, constant] = summands(expr, names);
  std::vector<Summand> positive, negative, flipped;
  for (const Summand &part : parts) {
    (part.factor > 0 ? positive : negative).push_back(part);
    flipped.push_back({-part.factor, part.text});
  }
  for (Summand &part : negative)
    part.factor = -part.factor;
  std::string atLeast = " " + relation + " ";
  std::string atMost = relation == ">=" ? " <= " : atLeast;
  if (negative.empty())
    return sum(positive, 0) + atLeast + sum({}, -constant);
  if (positive.empty())
    return sum(negative, 0) + atMost + sum({}, constant);
  if (constant == 0)
    return sum(negative, 0) + atMost + sum(positive, 0);
  return constant > 0 ? sum(flipped, 0) + atMost + sum({}, constant)
                      : sum(parts, 0) + atLeast + sum({}, -constant);
}

/// A condition as text: constants are truth values here, and numbers hold where they are not 0.
static std::string condition(const Expr &expr, Names names) {
  switch (expr.kind()) {
  case Kind::Constant:
    return expr.value() ? "true" : "false";
  case Kind::GreaterEqual0:
    return comparison(expr.operands()[0], ">=", names);
  case Kind::Equal0: {
    const Expr &of = expr.operands()[0];
    return of.kind() == Kind::Equal0 ? comparison(of.operands()[0], "!=", names)
                                     : comparison(of, "=", names);
  }
  case Kind::And:
  case Kind::Or: {
    std::string text;
    for (const Expr &operand : expr.operands()) {
      bool nested = expr.kind() == Kind::And && operand.kind() == Kind::Or;
      std::string part = condition(operand, names);
      if (!text.empty())
        text += expr.kind() == Kind::And ? " and " : " or ";
      text += nested ? "(" + part + ")" : part;
    }
    return text;
  }
  default:
    return comparison(expr, "!=", names);
  }
}

std::string Expr::str(std::span<const std::string> names) const {
  switch (kind()) {
  case Kind::GreaterEqual0:
  case Kind::Equal0:
  case Kind::And:
  case Kind::Or:
    return condition(*this, names);
  case Kind::Select:
    return "(" + condition(operands()[0], names) + " ? " + operands()[1].str(names) + " : " +
           operands()[2].str(names) + ")";
  default:
    break;
  }
  auto [parts, constant] = summands(*this, names);
  return sum(parts, constant);
}

std::string Expr::python(std::span<const std::string> names) const {
  std::vector<std::string> of;
  for (const Expr &operand : operands())
    of.push_back(operand.python(names));
  const std::string number = std::to_string(value());
  switch (kind()) {
  case Kind::Constant:
    return "(" + number + ")";
  case Kind::Variable:
    return names[value()];
  case Kind::Add:
    return "(" + of[0] + " + " + of[1] + ")";
  case Kind::Multiply:
    return "(" + number + " * " + of[0] + ")";
  case Kind::FloorDiv:
    return "(" + of[0] + " // " + number + ")";
  case Kind::Min:
    return "minimum(" + of[0] + ", " + of[1] + ")";
  case Kind::Max:
    return "maximum(" + of[0] + ", " + of[1] + ")";
  case Kind::Select:
    return "where(" + of[0] + ", " + of[1] + ", " + of[2] + ")";
  case Kind::GreaterEqual0:
    return "(" + of[0] + " >= 0)";
  case Kind::Equal0:
    return "(" + of[0] + " == 0)";
  case Kind::And:
    return "(" + of[0] + " & " + of[1] + ")";
  case Kind::Or:
    return "(" + of[0] + " | " + of[1] + ")";
  case Kind::Lookup:
    break;
  }
  return "table[" + of[0] + "]";
}

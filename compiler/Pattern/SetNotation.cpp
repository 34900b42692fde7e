//===- SetNotation.cpp - isl's notation for a relation --------------------===//
//
//   set        := '{' [disjunct (';' disjunct)*] '}'
//   disjunct   := tuple '->' tuple [':' formula]
//   tuple      := '[' sum ['=' sum] ']'
//   formula    := conjunct ('or' conjunct)*
//   conjunct   := condition ('and' condition)*
//   condition  := 'not' condition | 'exists' ['('] binding (',' binding)* ':' formula [')']
//               | sum (',' sum)* (('<' | '<=' | '>' | '>=' | '=' | '!=') sum (',' sum)*)*
//   sum        := ['-'] product (('+' | '-') product)*
//   product    := factor ('*' factor | '/' factor | 'mod' factor)*
//   factor     := NUMBER [factor] | NAME | '(' formula ')' | floor(sum) | ceil(sum)
//               | floord(sum, sum) | min(sum, ...) | max(sum, ...) | 'true' | 'false'
//
// What isl reads and prints for affine relations with divisions and remainders. Read here and not
// by isl: errors have their offset, `n` is the length, and the condition can be evaluated without
// isl. Where isl would take `2*i mod 3` for 2*(i mod 3), parentheses are asked for.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/Scanner.h"
#include "compiler/Pattern/Syntax.h"

#include <algorithm>
#include <array>
#include <numeric>

using namespace stc::pattern;

namespace {

/// An expression with a denominator, which floor and ceil take away; or a condition.
struct Value {
  Expr expr;
  int64_t denominator = 1;
  bool isCondition = false;
  bool isProduct = false;
  size_t offset = 0;
};

/// Beyond this an expression is refused: nested remainders grow as a power of their depth.
constexpr size_t maxNodes = 20000;
constexpr size_t maxList = 16;

class SetParser {
public:
  SetParser(Scanner &scanner, int64_t n) : scanner(scanner), n(n) {}

  Syntax parse() {
    size_t begin = scanner.offset();
    Syntax leaf;
    Expr whole = Expr::constant(0);
    if (!scanner.accept("}")) {
      do
        whole = small(whole || parseDisjunct(), begin);
      while (scanner.accept(";"));
      scanner.expect("}");
    }
    leaf.condition = whole;
    leaf.existentials = existentials;
    leaf.namesLength = namesLength;
    checkSize(whole, begin);
    return leaf;
  }

private:
  /// After each step that joins expressions: a name stands for a whole one, so that 20 definitions
  /// that each use the one before twice are a million nodes.
  Expr small(Expr expr, size_t offset) {
    if (expr.size() <= maxNodes)
      return expr;
    scanner.fail("expected a simpler expression", offset);
    return Expr();
  }

  void checkSize(const Expr &expr, size_t offset) {
    small(expr, offset);
    if (scanner.failed())
      return;
    std::vector<Interval> ranges(2, {0, n - 1});
    ranges.resize(2 + existentials, {-Scanner::maxNumber, Scanner::maxNumber});
    if (!expr.bounds(ranges))
      scanner.fail("expected values that fit 64 bits", offset);
  }

  Expr parseDisjunct() {
    scope.clear();
    Expr result = parseTuple(0);
    scanner.expect("->");
    result = result && parseTuple(1);
    if (scanner.accept(":"))
      result = result && parseFormula();
    return result;
  }

  /// [i], [j], or an expression that the position equals.
  Expr parseTuple(unsigned axis) {
    scanner.expect("[");
    Expr result = Expr::constant(1);
    std::string name(scanner.peekName());
    bool isNew = !name.empty() && !isKeyword(name) && !lookUp(name);
    if (isNew) {
      scanner.takeName();
      scope.emplace_back(name, Expr::variable(axis));
    }
    if (!isNew || scanner.accept("="))
      result = compare({.expr = Expr::variable(axis)}, Relation::Equal, parseSum());
    if (!scanner.accept("]"))
      scanner.expected("']' (one position on each side, like [i] -> [j])");
    return result;
  }

  static bool isKeyword(std::string_view name) {
    static constexpr std::array<std::string_view, 14> keywords = {
        "n",      "and",  "or",    "not", "exists", "mod",  "floor",
        "floord", "ceil", "ceild", "min", "max",    "true", "false"};
    return std::ranges::find(keywords, name) != keywords.end();
  }

  std::optional<Expr> lookUp(std::string_view name) const {
    for (auto known = scope.rbegin(); known != scope.rend(); ++known)
      if (known->first == name)
        return known->second;
    return std::nullopt;
  }

  //===--------------------------------------------------------------------===//
  // Conditions
  //===--------------------------------------------------------------------===//

  Expr parseFormula() {
    Value value = parseDisjunction();
    if (!value.isCondition && !scanner.failed())
      scanner.fail("expected a condition, found a number", value.offset);
    return value.expr;
  }

  Value parseDisjunction() {
    Value left = parseConjunction();
    while (!scanner.failed() &&
           (scanner.acceptName("or") || scanner.accept("||") || scanner.accept("\\/")))
      left = logical(left, parseConjunction(), false);
    return left;
  }

  Value parseConjunction() {
    Value left = parseCondition();
    while (!scanner.failed() &&
           (scanner.acceptName("and") || scanner.accept("&&") || scanner.accept("/\\")))
      left = logical(left, parseCondition(), true);
    return left;
  }

  Value logical(Value left, const Value &right, bool isAnd) {
    for (const Value &side : {left, right})
      if (!side.isCondition)
        scanner.fail("expected a condition, found a number", side.offset);
    left.expr = small(isAnd ? left.expr && right.expr : left.expr || right.expr, left.offset);
    return left;
  }

  Value parseCondition() {
    Scanner::Nested nested(scanner);
    size_t begin = scanner.offset();
    if (scanner.acceptName("not")) {
      ++negations;
      Value value = parseCondition();
      --negations;
      if (!value.isCondition)
        scanner.fail("expected a condition, found a number", value.offset);
      value.expr = value.expr.isZero();
      return value;
    }
    if (scanner.acceptName("exists"))
      return parseExists(begin);
    return parseComparison();
  }

  Value parseExists(size_t begin) {
    if (negations)
      scanner.fail("expected no exists under not", begin);
    bool parenthesis = scanner.accept("(");
    size_t outer = scope.size();
    do {
      size_t at = scanner.offset();
      std::string name(scanner.takeName());
      if (name.empty() || isKeyword(name))
        scanner.fail("expected a name for a number that exists", at);
      Expr definition =
          scanner.accept("=") ? integral(parseSum()) : Expr::variable(2 + existentials++);
      scope.emplace_back(std::move(name), definition);
    } while (scanner.accept(","));
    scanner.expect(":");
    Value result{.expr = parseFormula(), .isCondition = true, .offset = begin};
    if (parenthesis)
      scanner.expect(")");
    scope.erase(scope.begin() + outer, scope.end());
    return result;
  }

  std::vector<Value> parseList() {
    std::vector<Value> list = {parseSum()};
    while (scanner.accept(",")) {
      list.push_back(parseSum());
      if (list.size() > maxList)
        scanner.expected("at most " + std::to_string(maxList) + " elements");
    }
    return list;
  }

  enum class Relation { None, Less, LessEqual, Greater, GreaterEqual, Equal, NotEqual };

  Relation acceptRelation() {
    if (scanner.accept("<="))
      return Relation::LessEqual;
    if (scanner.accept(">="))
      return Relation::GreaterEqual;
    if (scanner.accept("!="))
      return Relation::NotEqual;
    if (scanner.accept("<"))
      return Relation::Less;
    if (scanner.accept(">"))
      return Relation::Greater;
    if (scanner.accept("==") || scanner.accept("="))
      return Relation::Equal;
    return Relation::None;
  }

  /// A chain: each neighbour of each relation is compared, lists element by element.
  Value parseComparison() {
    std::vector<Value> left = parseList();
    Value result{.expr = Expr::constant(1), .isCondition = true, .offset = left[0].offset};
    bool compared = false;
    for (Relation relation; (relation = acceptRelation()) != Relation::None;) {
      std::vector<Value> right = parseList();
      for (const Value &a : left)
        for (const Value &b : right)
          result.expr = small(result.expr && compare(a, relation, b), b.offset);
      left = std::move(right);
      compared = true;
    }
    if (compared)
      return result;
    if (left.size() > 1)
      scanner.expected("a comparison after the list");
    return left[0];
  }

  Expr compare(const Value &a, Relation relation, const Value &b) {
    requireNumber(a);
    requireNumber(b);
    Expr left = a.expr * b.denominator, right = b.expr * a.denominator;
    switch (relation) {
    case Relation::Less:
      return (right - left - Expr::constant(1)).nonNegative();
    case Relation::LessEqual:
      return (right - left).nonNegative();
    case Relation::Greater:
      return (left - right - Expr::constant(1)).nonNegative();
    case Relation::GreaterEqual:
      return (left - right).nonNegative();
    case Relation::NotEqual:
      return (left - right).isZero().isZero();
    default:
      return (left - right).isZero();
    }
  }

  //===--------------------------------------------------------------------===//
  // Numbers
  //===--------------------------------------------------------------------===//

  void requireNumber(const Value &value) {
    if (value.isCondition)
      scanner.fail("expected a number, found a condition", value.offset);
  }

  /// An expression that must be a whole number.
  Expr integral(const Value &value) {
    requireNumber(value);
    if (value.denominator != 1)
      scanner.fail("expected floor(...) or ceil(...) around a division", value.offset);
    return value.expr;
  }

  int64_t positiveConstant(const Value &value) {
    Expr expr = integral(value);
    if (scanner.failed())
      return 1;
    if (!expr.isConstant() || expr.value() < 1 || expr.value() > Scanner::maxNumber) {
      scanner.fail("expected a positive constant, found " +
                       (expr.isConstant() ? std::to_string(expr.value())
                                          : std::string("what depends on a position")),
                   value.offset);
      return 1;
    }
    return expr.value();
  }

  Value parseSum() {
    Scanner::Nested nested(scanner);
    size_t begin = scanner.offset();
    bool negative = scanner.accept("-");
    Value left = parseProduct();
    if (negative) {
      requireNumber(left);
      left.expr = left.expr * -1;
      left.isProduct = true;
    }
    left.offset = begin;
    while (!scanner.failed()) {
      int64_t sign = scanner.accept("+") ? 1 : scanner.accept("-") ? -1 : 0;
      if (!sign)
        break;
      left = add(left, parseProduct(), sign);
    }
    return left;
  }

  Value add(Value left, const Value &right, int64_t sign) {
    requireNumber(left);
    requireNumber(right);
    int64_t common = std::lcm(left.denominator, right.denominator);
    if (common > Scanner::maxNumber) {
      scanner.fail("expected smaller denominators", right.offset);
      return left;
    }
    left.expr = small(left.expr * (common / left.denominator) +
                          right.expr * (sign * (common / right.denominator)),
                      right.offset);
    left.denominator = common;
    left.isProduct = false;
    return left;
  }

  Value parseProduct() {
    Value left = parseFactor();
    while (!scanner.failed()) {
      size_t at = scanner.offset();
      if (scanner.accept("*"))
        left = multiply(left, parseFactor(), at);
      else if (scanner.acceptName("mod") || scanner.accept("%"))
        left = modulo(left, parseFactor());
      else if (!scanner.nextIs("/\\") && scanner.accept("/"))
        left = divide(left, parseFactor());
      else
        break;
    }
    return left;
  }

  Value multiply(Value left, const Value &right, size_t offset) {
    requireNumber(left);
    requireNumber(right);
    if (scanner.failed())
      return left;
    const Expr &constant = left.expr.isConstant() ? left.expr : right.expr;
    const Expr &other = left.expr.isConstant() ? right.expr : left.expr;
    if (!constant.isConstant()) {
      scanner.fail("expected a constant on one side of '*'", offset);
      return left;
    }
    if (left.denominator > Scanner::maxNumber / right.denominator) {
      scanner.fail("expected smaller denominators", offset);
      return left;
    }
    Value result{.expr = other * constant.value(),
                 .denominator = left.denominator * right.denominator,
                 .isProduct = true,
                 .offset = left.offset};
    checkSize(result.expr, offset);
    return result;
  }

  Value divide(Value left, const Value &right) {
    requireNumber(left);
    int64_t divisor = positiveConstant(right);
    if (left.denominator > Scanner::maxNumber / divisor)
      scanner.fail("expected smaller denominators", right.offset);
    else
      left.denominator *= divisor;
    return left;
  }

  Value modulo(Value left, const Value &right) {
    if (left.isProduct)
      scanner.fail("expected parentheses: mod applies to the factor beside it", left.offset);
    left.expr = integral(left).mod(positiveConstant(right));
    checkSize(left.expr, left.offset);
    return left;
  }

  Value parseFactor() {
    Scanner::Nested nested(scanner);
    size_t begin = scanner.offset();
    if (scanner.atNumber()) {
      Value number{.expr = Expr::constant(scanner.takeNumber()), .offset = begin};
      // As in 4i and 4(i - j), but not `4 mod 3` or `3 and`.
      std::string_view name = scanner.peekName();
      bool joined = name.empty() ? scanner.nextIs("(")
                                 : lookUp(name).has_value() || name == "n" || isFunction(name);
      return joined ? multiply(number, parseFactor(), begin) : number;
    }
    if (scanner.accept("-")) {
      Value value = parseFactor();
      requireNumber(value);
      value.expr = value.expr * -1;
      value.isProduct = true;
      return value;
    }
    if (scanner.accept("(")) {
      Value value = parseDisjunction();
      scanner.expect(")");
      value.isProduct = false;
      value.offset = begin;
      return value;
    }
    std::string name(scanner.peekName());
    if (name.empty()) {
      scanner.expected("a number, a variable or '('");
      return {};
    }
    scanner.takeName();
    if (auto known = lookUp(name))
      return {.expr = *known, .offset = begin};
    if (name == "n") {
      namesLength = true;
      return {.expr = Expr::constant(n), .offset = begin};
    }
    if (name == "true" || name == "false")
      return {.expr = Expr::constant(name == "true"), .isCondition = true, .offset = begin};
    if (isFunction(name))
      return parseFunction(name, begin);
    scanner.fail("expected " + knownNames() + ", found '" + name + "'", begin);
    return {};
  }

  static bool isFunction(std::string_view name) {
    return name == "floor" || name == "ceil" || name == "floord" || name == "ceild" ||
           name == "min" || name == "max";
  }

  std::string knownNames() const {
    std::string names;
    for (const auto &[name, value] : scope)
      names += name + ", ";
    return names + "n or a function";
  }

  Value parseFunction(const std::string &name, size_t begin) {
    scanner.expect("(");
    std::vector<Value> arguments = parseList();
    scanner.expect(")");
    bool isDivision = name == "floord" || name == "ceild";
    size_t wanted = isDivision ? 2 : 1;
    bool isExtremum = name == "min" || name == "max";
    if (!isExtremum && arguments.size() != wanted)
      scanner.fail("expected " + name + " of " + std::to_string(wanted) + ", found " +
                       std::to_string(arguments.size()),
                   begin);
    for (const Value &argument : arguments)
      requireNumber(argument);
    if (scanner.failed())
      return {};
    if (isExtremum) {
      Expr result = integral(arguments[0]);
      for (const Value &argument : std::span(arguments).subspan(1))
        result = small(name == "min" ? Expr::min(result, integral(argument))
                                     : Expr::max(result, integral(argument)),
                       begin);
      return {.expr = result, .offset = begin};
    }
    Value value = isDivision ? divide(arguments[0], arguments[1]) : arguments[0];
    int64_t sign = name.starts_with("ceil") ? -1 : 1;
    Value result{.expr = (value.expr * sign).floorDiv(value.denominator) * sign, .offset = begin};
    checkSize(result.expr, begin);
    return result;
  }

  Scanner &scanner;
  int64_t n;
  unsigned existentials = 0;
  bool namesLength = false;
  int negations = 0;
  std::vector<std::pair<std::string, Expr>> scope;
};

} // namespace

Syntax stc::pattern::parseSetNotation(Scanner &scanner, int64_t n) {
  return SetParser(scanner, n).parse();
}

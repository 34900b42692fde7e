//===- Syntax.cpp - pattern expressions -----------------------------------===//
//
//   pattern      := intersection (('|' | '-') intersection)*
//   intersection := primary ('&' primary)*
//   primary      := '(' pattern ')' | '{' set notation '}' | NAME ['(' NUMBER (',' NUMBER)* ')']
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/Syntax.h"

#include "compiler/Pattern/Constructors.h"
#include "compiler/Pattern/Scanner.h"
#include "runtime/Support/Nearest.h"

#include <algorithm>
#include <set>

using namespace stc::pattern;

namespace {

std::string unknownName(std::string_view name) {
  std::string known;
  std::vector<std::string_view> names;
  for (const Constructor &constructor : constructors()) {
    if (!names.empty() && names.back() == constructor.name)
      continue;
    known += (known.empty() ? "" : ", ") + constructor.name;
    names.push_back(constructor.name);
  }
  std::string message = "expected one of " + known + ", found '" + std::string(name) + "'";
  auto meant = stc::nearest(name, names);
  return meant ? message + ", did you mean '" + std::string(*meant) + "'?" : message;
}

class Parser {
public:
  Parser(std::string_view text, int64_t n) : scanner(text), n(n) {}

  tl::expected<Syntax, ParseError> parse() {
    Syntax result = parsePattern();
    if (!scanner.atEnd())
      scanner.expected("'|', '&', '-' or the end");
    if (scanner.failed())
      return tl::make_unexpected(*scanner.error());
    return result;
  }

private:
  Syntax parsePattern() {
    Syntax left = parseIntersection();
    while (!scanner.failed()) {
      if (scanner.accept("|"))
        left = binary(Syntax::Kind::Union, std::move(left), parseIntersection());
      else if (scanner.accept("-"))
        left = binary(Syntax::Kind::Difference, std::move(left), parseIntersection());
      else
        break;
    }
    return left;
  }

  Syntax parseIntersection() {
    Syntax left = parsePrimary();
    while (scanner.accept("&"))
      left = binary(Syntax::Kind::Intersection, std::move(left), parsePrimary());
    return left;
  }

  Syntax parsePrimary() {
    Scanner::Nested nested(scanner);
    if (scanner.accept("(")) {
      Syntax inner = parsePattern();
      scanner.expect(")");
      return inner;
    }
    size_t begin = scanner.offset();
    // isl writes the parameters first: [n] -> { ... }.
    if (scanner.accept("[")) {
      if (!scanner.acceptName("n"))
        scanner.expected("'n', the only parameter");
      scanner.expect("]");
      scanner.expect("->");
      if (scanner.failed() || !scanner.accept("{")) {
        scanner.expected("'{'");
        return {};
      }
      return parseSetNotation(scanner, n);
    }
    if (scanner.accept("{"))
      return parseSetNotation(scanner, n);
    std::string_view name = scanner.takeName();
    if (name.empty()) {
      scanner.expected("a pattern");
      return {};
    }
    if (std::ranges::find(constructors(), name, &Constructor::name) == constructors().end()) {
      scanner.fail(unknownName(name), begin);
      return {};
    }
    return parseArguments(name, begin);
  }

  Syntax parseArguments(std::string_view name, size_t begin) {
    std::vector<int64_t> arguments;
    std::vector<size_t> offsets;
    if (scanner.accept("(") && !scanner.accept(")")) {
      do {
        offsets.push_back(scanner.offset());
        bool negative = scanner.accept("-");
        arguments.push_back(scanner.takeNumber() * (negative ? -1 : 1));
      } while (scanner.accept(","));
      scanner.expect(")");
    }
    if (scanner.failed())
      return {};
    const size_t end = scanner.taken();
    const Constructor *constructor = formOf(name, arguments.size(), begin);
    if (!constructor)
      return {};
    for (size_t k = 0; k < arguments.size(); ++k)
      if (!checkArgument(*constructor, arguments, k, offsets[k]))
        return {};
    if (!checkRequirement(*constructor, arguments, begin))
      return {};
    Syntax result = construct(*constructor, arguments);
    if (!arguments.empty()) {
      result.call = callText(constructor->name, arguments);
      result.extent = constructor->extentOf({arguments, n});
      result.row = constructor->row ? constructor->row({arguments, n}) : 0;
      result.offset = begin;
      result.end = end;
    }
    return result;
  }

  /// The form of a name that takes so many arguments; null after an error.
  const Constructor *formOf(std::string_view name, size_t arguments, size_t begin) {
    std::string forms;
    for (const Constructor &constructor : constructors()) {
      if (constructor.name != name)
        continue;
      if (constructor.parameters.size() == arguments)
        return &constructor;
      forms += (forms.empty() ? "" : " or ") + constructor.form();
    }
    scanner.fail("expected " + forms + ", found " + std::to_string(arguments) +
                     (arguments == 1 ? " argument" : " arguments"),
                 begin);
    return nullptr;
  }

  bool checkArgument(const Constructor &constructor, std::span<const int64_t> arguments, size_t k,
                     size_t offset) {
    const auto &[name, least, atMost, isOdd] = constructor.parameters[k];
    int64_t argument = arguments[k];
    std::string wanted, found = name + " = " + std::to_string(argument);
    if (argument < least || (atMost >= 0 && argument > arguments[atMost]))
      wanted = constructor.range(k);
    else if (isOdd && argument % 2 == 0)
      wanted = "an odd " + name;
    else
      return true;
    if (atMost >= 0)
      found +=
          " and " + constructor.parameters[atMost].name + " = " + std::to_string(arguments[atMost]);
    scanner.fail("expected " + wanted + ", found " + found, offset);
    return false;
  }

  bool checkRequirement(const Constructor &constructor, std::span<const int64_t> arguments,
                        size_t offset) {
    if (!constructor.isMet || constructor.isMet({arguments, n}))
      return true;
    scanner.fail("expected " + constructor.requirement + " in " + constructor.form() + ", found " +
                     callText(constructor.name, arguments),
                 offset);
    return false;
  }

  Syntax construct(const Constructor &constructor, std::span<const int64_t> arguments) {
    std::vector<Syntax> operands;
    std::vector<std::string> factors;
    if (constructor.heads) {
      std::vector<std::string> heads = constructor.heads({arguments, n});
      Syntax first = Parser(heads[0], n).parsePattern();
      if (constructor.factors)
        first.factors = constructor.factors({arguments, n});
      first.heads = std::move(heads);
      return first;
    }
    if (constructor.factors) {
      factors = constructor.factors({arguments, n});
      for (const std::string &factor : factors)
        operands.push_back(Parser(factor, n).parsePattern());
    } else {
      const Expr causal = (Expr::variable(0) - Expr::variable(1)).nonNegative();
      for (const Expr &condition : constructor.parts({arguments, n}).conditions) {
        Syntax &leaf = operands.emplace_back();
        leaf.condition = causal && condition;
        leaf.width = constructor.isBand ? arguments[0] : 0;
      }
    }
    Syntax whole = std::move(operands[0]);
    for (Syntax &operand : std::span(operands).subspan(1))
      whole = binary(Syntax::Kind::Union, std::move(whole), std::move(operand));
    whole.factors = std::move(factors);
    return whole;
  }

  static Syntax binary(Syntax::Kind kind, Syntax left, Syntax right) {
    Syntax result;
    result.kind = kind;
    result.operands.push_back(std::move(left));
    result.operands.push_back(std::move(right));
    return result;
  }

  Scanner scanner;
  int64_t n;
};

void collectDivisors(const Expr &expr, std::set<int64_t> &found) {
  if (expr.kind() == Expr::Kind::FloorDiv)
    found.insert(expr.value());
  for (const Expr &operand : expr.operands())
    collectDivisors(operand, found);
}

void collectDivisors(const Syntax &syntax, std::set<int64_t> &found) {
  collectDivisors(syntax.condition, found);
  for (const Syntax &operand : syntax.operands)
    collectDivisors(operand, found);
}

} // namespace

std::vector<std::string> stc::pattern::variableNames(const Syntax &leaf) {
  std::vector<std::string> names = {"i", "j"};
  for (unsigned k = 0; k < leaf.existentials; ++k)
    names.push_back("e" + std::to_string(k));
  return names;
}

tl::expected<Syntax, ParseError> stc::pattern::parseSyntax(std::string_view text, int64_t n) {
  return Parser(text, n).parse();
}

std::vector<int64_t> stc::pattern::divisors(const Syntax &syntax) {
  std::set<int64_t> found;
  collectDivisors(syntax, found);
  return {found.begin(), found.end()};
}

//===- Syntax.cpp - pattern expressions -----------------------------------===//
//
//   pattern      := intersection (('|' | '-') intersection)*
//   intersection := primary ('&' primary)*
//   primary      := '(' pattern ')' | '{' set notation '}' | NAME ['(' NUMBER (',' NUMBER)* ')']
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/Syntax.h"

#include "compiler/Pattern/Scanner.h"
#include "runtime/Support/Nearest.h"

#include <algorithm>
#include <functional>
#include <set>

using namespace stc::pattern;

namespace {

using Arguments = std::span<const int64_t>;

struct Parameter {
  std::string name;
  int64_t least;
  /// The parameter that bounds it from above, or -1.
  int atMost = -1;
};

/// A named pattern: a condition over (i, j) besides j <= i, or a shorthand for a union.
struct Constructor {
  std::string name;
  std::vector<Parameter> parameters;
  std::function<Expr(Arguments)> condition;
  std::function<std::vector<std::string>(Arguments)> factors;
  bool isBand = false;
};

std::string call(const std::string &name, Arguments arguments) {
  std::string text;
  for (int64_t argument : arguments)
    text += (text.empty() ? "" : ", ") + std::to_string(argument);
  return name + "(" + text + ")";
}

/// The named patterns (arXiv 1904.10509, Sec. 4.3: strided and fixed are the paper's).
const std::vector<Constructor> &constructors() {
  static const Expr i = Expr::variable(0), j = Expr::variable(1);
  static const auto number = [](int64_t value) { return Expr::constant(value); };
  static const std::vector<Constructor> table = {
      {"dense", {}, [](Arguments) { return number(1); }, {}},
      {"local",
       {{"w", 0}},
       [](Arguments args) { return (number(args[0]) - i + j).nonNegative(); },
       {},
       true},
      {"stride", {{"l", 1}}, [](Arguments args) { return (i - j).mod(args[0]).isZero(); }, {}},
      {"strided",
       {{"l", 1}},
       {},
       [](Arguments args) {
         return std::vector{call("local", args), call("stride", args)};
       }},
      {"block",
       {{"l", 1}},
       [](Arguments args) { return (i.floorDiv(args[0]) - j.floorDiv(args[0])).isZero(); },
       {}},
      {"blocks",
       {{"l", 1}, {"k", 1}},
       [](Arguments args) {
         return (i.floorDiv(args[0]) - j.floorDiv(args[0])).mod(args[1]).isZero();
       },
       {}},
      {"summary",
       {{"l", 1}, {"c", 1, 0}},
       [](Arguments args) { return (j.mod(args[0]) - number(args[0] - args[1])).nonNegative(); },
       {}},
      {"fixed",
       {{"l", 1}, {"c", 1, 0}},
       {},
       [](Arguments args) {
         return std::vector{call("block", args.first(1)), call("summary", args)};
       }},
      {"sinks",
       {{"k", 1}},
       [](Arguments args) { return (number(args[0] - 1) - j).nonNegative(); },
       {}},
  };
  return table;
}

std::string unknownName(std::string_view name) {
  std::string known;
  std::vector<std::string_view> names;
  for (const Constructor &constructor : constructors()) {
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
    auto known = std::ranges::find(constructors(), name, &Constructor::name);
    if (known == constructors().end()) {
      scanner.fail(unknownName(name), begin);
      return {};
    }
    return parseArguments(*known, begin);
  }

  Syntax parseArguments(const Constructor &constructor, size_t begin) {
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
    const auto &parameters = constructor.parameters;
    if (arguments.size() != parameters.size()) {
      std::string names;
      for (const Parameter &parameter : parameters)
        names += (names.empty() ? "" : ", ") + parameter.name;
      scanner.fail("expected " + constructor.name + (names.empty() ? "" : "(" + names + ")") +
                       ", found " + std::to_string(arguments.size()) +
                       (arguments.size() == 1 ? " argument" : " arguments"),
                   begin);
      return {};
    }
    for (size_t k = 0; k < parameters.size(); ++k)
      if (!checkArgument(parameters, arguments, k, offsets[k]))
        return {};
    Syntax result = construct(constructor, arguments);
    if (!arguments.empty()) {
      result.call = call(constructor.name, arguments);
      result.extent = std::ranges::max(arguments);
      result.offset = begin;
    }
    return result;
  }

  bool checkArgument(const std::vector<Parameter> &parameters, Arguments arguments, size_t k,
                     size_t offset) {
    const auto &[name, least, atMost] = parameters[k];
    bool fits = arguments[k] >= least && (atMost < 0 || arguments[k] <= arguments[atMost]);
    if (fits)
      return true;
    std::string wanted = std::to_string(least) + " <= " + name;
    std::string found = name + " = " + std::to_string(arguments[k]);
    if (atMost >= 0) {
      wanted += " <= " + parameters[atMost].name;
      found += " and " + parameters[atMost].name + " = " + std::to_string(arguments[atMost]);
    }
    scanner.fail("expected " + wanted + ", found " + found, offset);
    return false;
  }

  Syntax construct(const Constructor &constructor, Arguments arguments) {
    if (constructor.factors) {
      std::vector<std::string> factors = constructor.factors(arguments);
      std::optional<Syntax> whole;
      for (const std::string &factor : factors) {
        Syntax part = Parser(factor, n).parsePrimary();
        whole = whole ? binary(Syntax::Kind::Union, std::move(*whole), std::move(part)) : part;
      }
      whole->factors = std::move(factors);
      return std::move(*whole);
    }
    Syntax leaf;
    Expr causal = (Expr::variable(0) - Expr::variable(1)).nonNegative();
    leaf.condition = causal && constructor.condition(arguments);
    leaf.width = constructor.isBand ? arguments[0] : 0;
    return leaf;
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

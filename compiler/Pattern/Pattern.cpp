//===- Pattern.cpp - parsing patterns and asking what they hold -----------===//

#include "compiler/Pattern/Pattern.h"

#include "compiler/Pattern/PatternImpl.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

using namespace stc::pattern;

/// Stands for the length where a text is looked at without one.
static constexpr int64_t anyLength = maxPositions;

/// Makes each leaf's condition one over i and j alone: isl finds the numbers that exist.
static tl::expected<void, std::string> resolveExistentials(Context &context, Syntax &syntax,
                                                           int64_t n) {
  for (Syntax &operand : syntax.operands)
    if (auto done = resolveExistentials(context, operand, n); !done)
      return done;
  if (syntax.existentials == 0)
    return {};
  auto condition = context.ask(
      proofBudget, [&] { return conditionOf(relationOf(context, syntax, n).wrap().flatten()); });
  if (!condition)
    return tl::make_unexpected(condition.error());
  syntax.condition = *condition;
  syntax.existentials = 0;
  return {};
}

static Expr conditionOfTree(const Syntax &syntax) {
  if (syntax.kind == Syntax::Kind::Leaf)
    return syntax.condition;
  Expr left = conditionOfTree(syntax.operands[0]), right = conditionOfTree(syntax.operands[1]);
  switch (syntax.kind) {
  case Syntax::Kind::Union:
    return left || right;
  case Syntax::Kind::Intersection:
    return left && right;
  default:
    return left && right.isZero();
  }
}

/// The names by head, in their order in the text.
static void collectNamesByHead(const Syntax &syntax, std::vector<const Syntax *> &found) {
  if (!syntax.heads.empty())
    return found.push_back(&syntax);
  for (const Syntax &operand : syntax.operands)
    collectNamesByHead(operand, found);
}

static std::vector<const Syntax *> namesByHead(const Syntax &syntax) {
  std::vector<const Syntax *> found;
  collectNamesByHead(syntax, found);
  return found;
}

tl::expected<Pattern, ParseError> Pattern::parse(std::string_view text, int64_t n) {
  if (n < 1 || n > maxPositions)
    return tl::make_unexpected(ParseError{"expected a length from 1 to " +
                                              std::to_string(maxPositions) + ", found " +
                                              std::to_string(n),
                                          0});
  auto syntax = parseSyntax(text, n);
  if (!syntax)
    return tl::make_unexpected(syntax.error());
  if (auto names = namesByHead(*syntax); !names.empty())
    return tl::make_unexpected(ParseError{"expected the pattern of one head, such as " +
                                              names[0]->heads[0] + ", found " + names[0]->call +
                                              ", whose patterns heads take in turn",
                                          names[0]->offset});
  auto impl = std::make_shared<Impl>();
  impl->context = std::make_shared<Context>(divisors(*syntax).size());
  impl->text = text;
  impl->n = n;
  impl->syntax = std::move(*syntax);
  if (auto done = resolveExistentials(*impl->context, impl->syntax, n); !done)
    return tl::make_unexpected(ParseError{"expected a simpler set: " + done.error(), 0});
  impl->condition = conditionOfTree(impl->syntax);
  auto relation =
      impl->context->ask(proofBudget, [&] { return relationOf(*impl->context, impl->syntax, n); });
  if (relation)
    impl->relation = *relation;
  else
    impl->whyNoRelation = relation.error();
  return Pattern(std::move(impl));
}

std::optional<ParseError> Pattern::check(std::string_view text) {
  auto syntax = parseSyntax(text, anyLength);
  return syntax ? std::nullopt : std::optional(syntax.error());
}

static bool namesLength(const Syntax &syntax) {
  return syntax.namesLength ||
         std::ranges::any_of(syntax.operands, [](const Syntax &one) { return namesLength(one); });
}
bool Pattern::namesLength() const { return ::namesLength(impl->syntax); }

/// The first named pattern with an argument above n.
static const Syntax *findWider(const Syntax &syntax, int64_t n) {
  if (syntax.extent > n)
    return &syntax;
  for (const Syntax &operand : syntax.operands)
    if (const Syntax *found = findWider(operand, n))
      return found;
  return nullptr;
}

std::optional<ParseError> stc::pattern::checkWidths(std::string_view text, int64_t n) {
  auto syntax = parseSyntax(text, n);
  if (!syntax)
    return syntax.error();
  const Syntax *wider = findWider(*syntax, n);
  if (!wider)
    return std::nullopt;
  return ParseError{"expected a pattern no wider than the context of " + std::to_string(n) +
                        ", found " + wider->call,
                    wider->offset};
}

std::vector<std::string> Pattern::factors(std::string_view text) {
  auto syntax = parseSyntax(text, anyLength);
  if (!syntax || syntax->factors.empty())
    return {std::string(text)};
  return syntax->factors;
}

static std::vector<std::string> withoutRepetitions(std::vector<std::string> inTurn) {
  size_t period = 1;
  while (!std::equal(inTurn.begin() + period, inTurn.end(), inTurn.begin()))
    ++period;
  inTurn.resize(period);
  return inTurn;
}

std::vector<std::string> stc::pattern::headPatterns(const std::vector<std::string> &texts,
                                                    int64_t heads) {
  std::vector<tl::expected<Syntax, ParseError>> parsed;
  for (const std::string &text : texts)
    parsed.push_back(parseSyntax(text, anyLength));
  std::vector<std::string> inTurn;
  for (size_t head = 0; head < size_t(heads); ++head) {
    const size_t k = head % texts.size(), turn = head / texts.size();
    std::string &result = inTurn.emplace_back();
    size_t from = 0;
    if (parsed[k])
      for (const Syntax *name : namesByHead(*parsed[k])) {
        result += texts[k].substr(from, name->offset - from);
        result += name->heads[turn % name->heads.size()];
        from = name->end;
      }
    result += texts[k].substr(from);
  }
  return withoutRepetitions(std::move(inTurn));
}

static int64_t widestBand(const Syntax &syntax) {
  int64_t width = syntax.width;
  for (const Syntax &operand : syntax.operands)
    width = std::max(width, widestBand(operand));
  return width;
}

/// The largest extent of named patterns, and the divisors of all else.
static int64_t collectExtents(const Syntax &syntax, std::vector<int64_t> &others) {
  if (!syntax.call.empty())
    return syntax.extent;
  if (syntax.kind == Syntax::Kind::Leaf)
    std::ranges::copy(divisors(syntax), std::back_inserter(others));
  int64_t extent = 0;
  for (const Syntax &operand : syntax.operands)
    extent = std::max(extent, collectExtents(operand, others));
  return extent;
}

/// The rows that named patterns have of their own, and the divisors of all else.
static void collectRows(const Syntax &syntax, std::vector<int64_t> &rows) {
  if (syntax.row)
    return rows.push_back(syntax.row);
  if (syntax.kind == Syntax::Kind::Leaf)
    std::ranges::copy(divisors(syntax), std::back_inserter(rows));
  for (const Syntax &operand : syntax.operands)
    collectRows(operand, rows);
}

/// The least common multiple; 0 of no numbers and above the longest sequence.
static int64_t commonMultiple(const std::vector<int64_t> &numbers) {
  int64_t multiple = numbers.empty() ? 0 : 1;
  for (int64_t number : numbers) {
    int64_t factor = number / std::gcd(multiple, number);
    if (multiple > maxPositions / factor)
      return 0;
    multiple *= factor;
  }
  return multiple;
}

int64_t Pattern::alignment(std::string_view text) {
  auto syntax = parseSyntax(text, anyLength);
  if (!syntax)
    return 0;
  std::vector<int64_t> rows;
  collectRows(*syntax, rows);
  return rows.empty() ? widestBand(*syntax) : commonMultiple(rows);
}

int64_t stc::pattern::alignedRow(const std::vector<std::string> &texts, int64_t n) {
  for (const std::string &text : texts)
    if (int64_t row = Pattern::alignment(text); row != 0 && row <= n)
      return row;
  return static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(n))));
}

int64_t Pattern::extent(std::string_view text, int64_t n) {
  auto syntax = parseSyntax(text, n);
  if (!syntax)
    return 0;
  std::vector<int64_t> others;
  int64_t extent = collectExtents(*syntax, others);
  return std::max(extent, commonMultiple(others));
}

const std::string &Pattern::text() const { return impl->text; }
int64_t Pattern::size() const { return impl->n; }
const Expr &Pattern::condition() const { return impl->condition; }

bool Pattern::contains(int64_t i, int64_t j) const {
  if (std::min(i, j) < 0 || std::max(i, j) >= impl->n)
    return false;
  return impl->condition.evaluate(std::array{i, j}) != 0;
}

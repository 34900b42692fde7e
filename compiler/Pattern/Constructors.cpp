//===- Constructors.cpp - the table of named patterns ---------------------===//
//
// A name is one row here: its parameters with their bounds, and which pairs with j <= i it has.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/Constructors.h"

#include <algorithm>
#include <array>

using namespace stc::pattern;

static Expr number(int64_t value) { return Expr::constant(value); }
static Expr isAtMost(const Expr &a, const Expr &b) { return (b - a).nonNegative(); }
static Expr isMultiple(const Expr &a, int64_t of) { return a.mod(of).isZero(); }
static Expr isBelow(const Expr &a, int64_t bound) { return isAtMost(a, number(bound - 1)); }
/// How many blocks of so many positions lie between i and j.
static Expr blocksBetween(int64_t length) {
  return Expr::variable(0).floorDiv(length) - Expr::variable(1).floorDiv(length);
}
static Expr isSameBlock(int64_t length) { return blocksBetween(length).isZero(); }

/// Rows of an image of h x w positions from 0 to kh div 2 above the query's own, columns up to
/// kw div 2 to both sides. Where there is more than one image, they do not see each other.
static Parts neighborhood(int64_t h, int64_t w, int64_t kh, int64_t kw, int64_t n) {
  const Expr columns = Expr::variable(0).mod(w) - Expr::variable(1).mod(w);
  const Expr near = isAtMost(blocksBetween(w), number(kh / 2)) &&
                    isAtMost(columns, number(kw / 2)) && isAtMost(number(-(kw / 2)), columns);
  return h * w < n ? near && isSameBlock(h * w) : near;
}

/// Segments of w, w * a, w * a * a, ... positions until one holds all n, of which each keeps every
/// a-th of the positions that the one before it keeps, s among them.
static Parts longnet(int64_t w, int64_t a, int64_t s, int64_t n) {
  std::vector<Expr> parts;
  for (int64_t segment = w, every = 1;; segment *= a, every *= a) {
    const Expr first = number(s % every);
    const Expr kept = isMultiple(Expr::variable(0) - first, every) &&
                      isMultiple(Expr::variable(1) - first, every);
    if (segment >= n) {
      parts.push_back(kept);
      return parts;
    }
    parts.push_back(isSameBlock(segment) && kept);
  }
}

/// The sub-blocks of a block, from its last on.
static constexpr auto needsSubBlock = "s < floor(l / c)",
                      needsSubBlocks = "l = k * c with k from 1 to 1024";
static bool hasSubBlock(Call call) { return call[2] < call[0] / call[1]; }
static bool hasSubBlocks(Call call) { return call[0] % call[1] == 0 && call[0] / call[1] <= 1024; }

static std::vector<std::string> blockAnd(const std::string &summary, Call call) {
  return {callText("block", call.arguments.first(1)), callText(summary, call.arguments)};
}

/// For each sub-block, the pattern of that name that summarizes a block by it.
static std::vector<std::string> ofSubBlocks(const std::string &name, Call call) {
  std::vector<std::string> texts;
  for (int64_t s = 0; s < call[0] / call[1]; ++s)
    texts.push_back(callText(name, std::array{call[0], call[1], s}));
  return texts;
}

static std::vector<Constructor> makeConstructors() {
  static const Expr i = Expr::variable(0), j = Expr::variable(1);
  return {
      {.name = "dense",
       .meaning = "all earlier positions and the own one: the ordinary Transformer",
       .parts = [](Call) { return number(1); }},
      {.name = "local",
       .parameters = {{"w", 0}},
       .meaning = "the last w positions and the own one, i - j <= w (arXiv 1904.10509, Sec. 4.3, "
                  "the row of strided)",
       .parts = [](Call call) { return isAtMost(i - j, number(call[0])); },
       .isBand = true},
      {.name = "dilated",
       .parameters = {{"w", 1}, {"d", 1}},
       .meaning = "w positions that lie d apart, the own one last (Longformer, arXiv 2004.05150, "
                  "the causal half)",
       .parts =
           [](Call call) {
             return isMultiple(i - j, call[1]) &&
                    isBelow(i - j, std::min(call[0] * call[1], call.n));
           },
       .row = [](Call call) { return call[0] * call[1]; },
       .extent = [](Call call) { return (call[0] - 1) * call[1]; }},
      {.name = "stride",
       .parameters = {{"l", 1}},
       .meaning = "every l-th position before, (i - j) mod l = 0 (arXiv 1904.10509, Sec. 4.3, "
                  "the column of strided)",
       .parts = [](Call call) { return isMultiple(i - j, call[0]); }},
      {.name = "strided",
       .parameters = {{"l", 1}},
       .meaning = "local(l) | stride(l), for data with a period of l (arXiv 1904.10509, Sec. "
                  "4.3)",
       .factors =
           [](Call call) {
             return std::vector{callText("local", call.arguments),
                                callText("stride", call.arguments)};
           }},
      {.name = "block",
       .parameters = {{"l", 1}},
       .meaning = "what stands before in the own block of l positions (arXiv 1904.10509, Sec. "
                  "4.3, a part of fixed)",
       .parts = [](Call call) { return isSameBlock(call[0]); }},
      {.name = "blocks",
       .parameters = {{"l", 1}, {"k", 1}},
       .meaning = "blocks of l positions, of which every k-th sees each other",
       .parts = [](Call call) { return isMultiple(blocksBetween(call[0]), call[1]); },
       .row = [](Call call) { return call[0]; },
       .extent = [](Call call) { return call[0] * call[1]; }},
      {.name = "summary",
       .parameters = {{"l", 1}, {"c", 1, 0}},
       .meaning = "the last c positions of every block of l before (arXiv 1904.10509, Sec. 4.3, "
                  "a part of fixed)",
       .parts = [](Call call) { return isAtMost(number(call[0] - call[1]), j.mod(call[0])); }},
      {.name = "summary",
       .parameters = {{"l", 1}, {"c", 1, 0}, {"s", 0}},
       .meaning = "the s-th group of c positions from the end of every block of l before",
       .requirement = needsSubBlock,
       .isMet = hasSubBlock,
       .parts =
           [](Call call) {
             const int64_t end = call[0] - call[1] * call[2];
             return isAtMost(number(end - call[1]), j.mod(call[0])) && isBelow(j.mod(call[0]), end);
           }},
      {.name = "summary_by_head",
       .parameters = {{"l", 1}, {"c", 1, 0}},
       .meaning = "summary(l, c, s) with the s of each head in turn (arXiv 1904.10509, Sec. 4.3)",
       .requirement = needsSubBlocks,
       .isMet = hasSubBlocks,
       .heads = [](Call call) { return ofSubBlocks("summary", call); }},
      {.name = "fixed",
       .parameters = {{"l", 1}, {"c", 1, 0}},
       .meaning = "block(l) | summary(l, c), for data without a period (arXiv 1904.10509, Sec. "
                  "4.3)",
       .factors = [](Call call) { return blockAnd("summary", call); }},
      {.name = "fixed",
       .parameters = {{"l", 1}, {"c", 1, 0}, {"s", 0}},
       .meaning = "block(l) | summary(l, c, s)",
       .requirement = needsSubBlock,
       .isMet = hasSubBlock,
       .factors = [](Call call) { return blockAnd("summary", call); }},
      {.name = "fixed_by_head",
       .parameters = {{"l", 1}, {"c", 1, 0}},
       .meaning = "fixed(l, c, s) with the s of each head in turn (arXiv 1904.10509, Sec. 4.3)",
       .requirement = needsSubBlocks,
       .isMet = hasSubBlocks,
       .factors = [](Call call) { return blockAnd("summary_by_head", call); },
       .heads = [](Call call) { return ofSubBlocks("fixed", call); }},
      {.name = "sinks",
       .parameters = {{"k", 1}},
       .meaning = "the first k positions, where attention rests when nothing else matters",
       .parts = [](Call call) { return isBelow(j, call[0]); }},
      // A first position sees first positions only, so that their rows are among their columns.
      {.name = "global",
       .parameters = {{"k", 1}},
       .meaning = "the first k positions see all and are seen by all, which without a look ahead "
                  "is sinks(k)",
       .parts = [](Call call) { return isBelow(j, call[0]); }},
      {.name = "global",
       .parameters = {{"k", 1, 1}, {"l", 1}},
       .meaning = "the first k of every l positions see all and are seen by all (Longformer, "
                  "arXiv 2004.05150; BigBird, arXiv 2007.14062)",
       .parts =
           [](Call call) {
             return std::vector{isBelow(j.mod(call[1]), call[0]), isBelow(i.mod(call[1]), call[0])};
           }},
      {.name = "longnet",
       .parameters = {{"w", 1}, {"a", 2}},
       .meaning = "segments of w, w * a, w * a * a, ... positions, of which each keeps every "
                  "a-th position of the one before it (LongNet, arXiv 2307.02486)",
       .parts = [](Call call) { return longnet(call[0], call[1], 0, call.n); },
       .row = [](Call call) { return call[0]; }},
      {.name = "longnet",
       .parameters = {{"w", 1}, {"a", 2}, {"s", 0}},
       .meaning = "longnet(w, a) that keeps the positions with the same remainder as s",
       .parts = [](Call call) { return longnet(call[0], call[1], call[2], call.n); },
       .row = [](Call call) { return call[0]; }},
      {.name = "axial",
       .parameters = {{"w", 1}},
       .meaning = "the own row and column of an image whose rows hold w positions, block(w) | "
                  "stride(w) (Axial Transformers, arXiv 1912.12180)",
       .factors =
           [](Call call) {
             return std::vector{callText("block", call.arguments),
                                callText("stride", call.arguments)};
           }},
      {.name = "neighborhood",
       .parameters = {{"h", 1}, {"w", 1}, {.name = "k", .least = 1, .isOdd = true}},
       .meaning = "a window of k x k around a position of an image of h x w (NATTEN, "
                  "arXiv 2204.07143, not shifted at the borders)",
       .parts = [](Call call) { return neighborhood(call[0], call[1], call[2], call[2], call.n); },
       .row = [](Call call) { return call[1]; },
       .extent = [](Call call) { return (call[2] / 2 + 1) * call[1]; }},
      {.name = "neighborhood",
       .parameters = {{"h", 1},
                      {"w", 1},
                      {.name = "kh", .least = 1, .isOdd = true},
                      {.name = "kw", .least = 1, .isOdd = true}},
       .meaning = "a window of kh x kw around a position of an image of h x w",
       .parts = [](Call call) { return neighborhood(call[0], call[1], call[2], call[3], call.n); },
       .row = [](Call call) { return call[1]; },
       .extent = [](Call call) { return (call[2] / 2 + 1) * call[1]; }},
  };
}

std::span<const Constructor> stc::pattern::constructors() {
  static const std::vector<Constructor> table = makeConstructors();
  return table;
}

std::string Constructor::form() const {
  std::string names;
  for (const Parameter &parameter : parameters)
    names += (names.empty() ? "" : ", ") + parameter.name;
  return names.empty() ? name : name + "(" + names + ")";
}

std::string Constructor::range(size_t k) const {
  const auto &[name, least, atMost, isOdd] = parameters[k];
  std::string text = std::to_string(least) + " <= " + name;
  return atMost >= 0 ? text + " <= " + parameters[atMost].name : text;
}

std::string Constructor::ranges() const {
  std::string text;
  for (size_t k = 0; k < parameters.size(); ++k)
    text += (k ? ", " : "") + range(k) +
            (parameters[k].isOdd ? ", " + parameters[k].name + " odd" : "");
  return requirement.empty() ? text : text + ", " + requirement;
}

int64_t Constructor::extentOf(Call call) const {
  int64_t largest = call.arguments.empty() ? 0 : std::ranges::max(call.arguments);
  return extent ? std::max(largest, extent(call)) : largest;
}

std::string stc::pattern::callText(const std::string &name, std::span<const int64_t> arguments) {
  std::string text;
  for (int64_t argument : arguments)
    text += (text.empty() ? "" : ", ") + std::to_string(argument);
  return name + "(" + text + ")";
}

//===- Chunks.cpp - a pattern over a sequence in chunks -------------------===//

#include "compiler/Pattern/Chunks.h"

#include "compiler/Pattern/PatternImpl.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

using namespace stc::pattern;

/// Of pairs (i, j), in the notation of patterns and of isl: that both are in one block.
static std::string areInBlock(int64_t block) {
  const std::string size = std::to_string(block);
  return "floor(i/" + size + ") = floor(j/" + size + ")";
}

/// That both are in one chunk, in the same or in different blocks.
static std::string areInChunk(int64_t count, int64_t block) {
  const std::string of = "/" + std::to_string(block) + ") mod " + std::to_string(count);
  return "(floor(i" + of + ") = (floor(j" + of + ")";
}

static std::string those(const std::string &text, const char *of, const std::string &condition) {
  return "(" + text + ") " + of + " { [i] -> [j] : " + condition + " }";
}

static const std::array<std::string, 3> names = {"i", "j", "r"};

/// Whether the pairs inside each block are those of the same text over a block's positions.
static bool areAlike(const Pattern &whole, int64_t block) {
  const Pattern::Impl &impl = Access::impl(whole);
  auto one = Pattern::parse(whole.text(), block);
  if (!one || impl.relation.is_null())
    return false;
  const std::array<Expr, 2> inside = {Expr::variable(0).mod(block), Expr::variable(1).mod(block)};
  const std::string n = std::to_string(whole.size()),
                    together = "{ [i] -> [j] : 0 <= i < " + n + " and 0 <= j < " + n + " and " +
                               areInBlock(block),
                    condition = one->condition().substitute(inside).str(names);
  Context &context = *impl.context;
  auto alike = context.ask(proofBudget, [&] {
    return impl.relation.intersect(context.map(together + " }"))
        .is_equal(context.map(together + " and (" + condition + ") }"));
  });
  return alike.value_or(false);
}

/// The pairs inside the blocks of a chunk of so many positions; empty if chunks differ in them.
static std::string pairsInBlocks(const Pattern &whole, int64_t chunk, int64_t block) {
  auto one = Pattern::parse(whole.text(), chunk);
  if (!one || !areAlike(whole, block) || !areAlike(*one, block))
    return {};
  return block == chunk ? whole.text() : those(whole.text(), "&", areInBlock(block));
}

/// The text with all its numbers divided; empty where one does not divide.
static std::string divided(const std::string &text, int64_t divisor) {
  std::string all;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])))
      ++end;
    if (end == at) {
      all += text[at++];
      continue;
    }
    int64_t number = 0;
    const auto [rest, failed] = std::from_chars(&text[at], &text[end], number);
    if (failed != std::errc() || number % divisor != 0)
      return {};
    all += std::to_string(number / divisor);
    at = end;
  }
  return all;
}

/// All pairs of a chunk, over its positions; empty if chunks differ in them. Of every count-th
/// block of a stride's period the chunk has whole residues, and pairs of a stride that much
/// shorter.
static std::string pairsInChunk(const Pattern &whole, int64_t count, int64_t block) {
  const Pattern::Impl &impl = Access::impl(whole);
  if (impl.relation.is_null())
    return {};
  const int64_t chunk = whole.size() / count;
  auto conditionOf = [&](const Expr &number) {
    auto position = [&](const Expr &row) {
      return row.floorDiv(block) * (block * count) + number * block + row.mod(block);
    };
    const std::array<Expr, 2> at = {position(Expr::variable(0)), position(Expr::variable(1))};
    return whole.condition().substitute(at).str(names);
  };
  const std::string n = std::to_string(chunk),
                    rows = "] -> [j] : 0 <= i < " + n + " and 0 <= j < " + n + " and ",
                    numbers = "0 <= r < " + std::to_string(count) + " and ",
                    ofFirst = "(" + conditionOf(Expr()) + ")";
  Context &context = *impl.context;
  auto alike = context.ask(proofBudget, [&] {
    return context.map("{ [i, r" + rows + numbers + "(" + conditionOf(Expr::variable(2)) + ") }")
        .is_equal(context.map("{ [i, r" + rows + numbers + ofFirst + " }"));
  });
  if (!alike.value_or(false))
    return {};
  // A name, if there is one, has simpler masks.
  for (const std::string &text : {whole.text(), divided(whole.text(), count)}) {
    auto named = text.empty() ? std::nullopt : std::optional(Pattern::parse(text, chunk));
    if (!named || !*named)
      continue;
    auto equal = context.ask(proofBudget, [&] {
      return context.map("{ [i" + rows + ofFirst + " }")
          .is_equal(context.map("{ [i" + rows + "(" + (*named)->condition().str(names) + ") }"));
    });
    if (equal.value_or(false))
      return text;
  }
  return "{ [i] -> [j] : " + conditionOf(Expr()) + " }";
}

static bool isRun(const View &view) { return view.residues == 1 && view.together == 1; }

/// The view that all keys are in: their own, if they have one in common.
static View keysOf(const std::vector<Walk> &walks, int64_t block) {
  const View view = walks.front().segments.front().key;
  for (const Walk &walk : walks)
    for (const Segment &segment : walk.segments)
      if (segment.key != view || !isRun(view) || block % view.period != 0)
        return {};
  return view;
}

/// With these pairs as a chunk's own, all that are `together` not gathered.
static std::optional<InChunks> split(const Pattern &pattern, int64_t count, int64_t block,
                                     std::string own, const std::string &together) {
  const int64_t n = pattern.size();
  InChunks found;
  found.gathered = own.empty() ? pattern.text() : those(pattern.text(), "-", together);
  found.own = std::move(own);
  auto rest = Pattern::parse(found.gathered, n);
  if (!rest)
    return std::nullopt;
  const std::vector<Walk> walks = rest->walks();
  for (const Walk &walk : walks)
    if (!isRun(walk.query) || block % walk.query.period != 0)
      return std::nullopt;
  auto all = pattern.countPairs(), pairs = rest->countPairs();
  if (!all || !pairs)
    return std::nullopt;
  found.pairs = *pairs;
  if (!found.own.empty())
    found.ownPairs = (*all - *pairs) / count;
  if (walks.empty())
    return found;
  found.keys = keysOf(walks, block);
  const int64_t looked = std::min<int64_t>(count, 8);
  for (int64_t k = 0; k < looked; ++k) {
    const int64_t number = looked == 1 ? 0 : k * (count - 1) / (looked - 1);
    auto own = Pattern::parse(those(found.gathered, "&",
                                    "floor(i/" + std::to_string(block) + ") mod " +
                                        std::to_string(count) + " = " + std::to_string(number)),
                              n);
    auto ofChunk = own ? own->countPairs() : std::nullopt;
    if (!ofChunk)
      return std::nullopt;
    found.busiest = std::max(found.busiest, *ofChunk);
  }
  return found;
}

std::optional<InChunks> stc::pattern::inChunks(const Pattern &pattern, int64_t count,
                                               int64_t block) {
  const int64_t n = pattern.size(), chunk = n / count;
  if (n % count != 0 || chunk % block != 0)
    return std::nullopt;
  auto ofBlocks =
      split(pattern, count, block, pairsInBlocks(pattern, chunk, block), areInBlock(block));
  const int64_t period = Pattern::alignment(pattern.text());
  if (ofBlocks || period == 0 || period % (count * block) != 0)
    return ofBlocks;
  std::string own = pairsInChunk(pattern, count, block);
  return own.empty() ? std::nullopt
                     : split(pattern, count, block, std::move(own), areInChunk(count, block));
}

//===- Chunks.cpp - a pattern over a sequence in chunks -------------------===//

#include "compiler/Pattern/Chunks.h"

#include "compiler/Pattern/PatternImpl.h"

#include <algorithm>
#include <array>

using namespace stc::pattern;

/// Of pairs (i, j), that both are in one block, in the notation of patterns and of isl.
static std::string areTogether(int64_t block) {
  const std::string size = std::to_string(block);
  return "floor(i/" + size + ") = floor(j/" + size + ")";
}

static std::string those(const std::string &text, const char *of, const std::string &condition) {
  return "(" + text + ") " + of + " { [i] -> [j] : " + condition + " }";
}

/// Whether the pairs inside each block are those of the same text over a block's positions.
static bool areAlike(const Pattern &whole, int64_t block) {
  const Pattern::Impl &impl = Access::impl(whole);
  auto one = Pattern::parse(whole.text(), block);
  if (!one || impl.relation.is_null())
    return false;
  const std::array<Expr, 2> inside = {Expr::variable(0).mod(block), Expr::variable(1).mod(block)};
  const std::array<std::string, 2> names = {"i", "j"};
  const std::string n = std::to_string(whole.size()),
                    together = "{ [i] -> [j] : 0 <= i < " + n + " and 0 <= j < " + n + " and " +
                               areTogether(block),
                    condition = one->condition().substitute(inside).str(names);
  Context &context = *impl.context;
  auto alike = context.ask(proofBudget, [&] {
    return impl.relation.intersect(context.map(together + " }"))
        .is_equal(context.map(together + " and (" + condition + ") }"));
  });
  return alike.value_or(false);
}

/// The pairs inside the blocks of a chunk of so many positions; empty if chunks differ in them.
static std::string ownPairs(const Pattern &whole, int64_t chunk, int64_t block) {
  auto one = Pattern::parse(whole.text(), chunk);
  if (!one || !areAlike(whole, block) || !areAlike(*one, block))
    return {};
  return block == chunk ? whole.text() : those(whole.text(), "&", areTogether(block));
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

std::optional<InChunks> stc::pattern::inChunks(const Pattern &pattern, int64_t count,
                                               int64_t block) {
  const int64_t n = pattern.size(), chunk = n / count;
  if (n % count != 0 || chunk % block != 0)
    return std::nullopt;
  InChunks found;
  found.own = ownPairs(pattern, chunk, block);
  found.gathered =
      found.own.empty() ? pattern.text() : those(pattern.text(), "-", areTogether(block));
  auto rest = Pattern::parse(found.gathered, n);
  if (!rest)
    return std::nullopt;
  const std::vector<Walk> walks = rest->walks();
  if (walks.empty())
    return found;
  for (const Walk &walk : walks)
    if (!isRun(walk.query) || block % walk.query.period != 0)
      return std::nullopt;
  found.keys = keysOf(walks, block);
  auto pairs = rest->countPairs();
  if (!pairs)
    return std::nullopt;
  found.pairs = *pairs;
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

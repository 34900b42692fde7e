//===- Blocks.cpp - which blocks of the score matrix hold pairs -----------===//
//
// The blocks that hold pairs, and those that lack some, are the images of the relation and of its
// complement. Both are sets of pairs of blocks, so that no block is looked into. Where isl gives
// up, the condition is evaluated on all pairs.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/PatternImpl.h"

#include <algorithm>
#include <array>
#include <numeric>

using namespace stc::pattern;

namespace {

/// Of blocks, over their numbers (I, J) = (0, 1).
struct Blocks {
  Expr holdSome, holdAll;
};

} // namespace

static Blocks blocksOf(Context &context, const isl::map &pairs, int64_t count, int64_t size) {
  const std::string positions = std::to_string(count * size);
  isl::map cut = context.map("{ [x] -> [floor(x/" + std::to_string(size) + ")] }");
  isl::map every =
      context.map("{ [i] -> [j] : 0 <= i < " + positions + " and 0 <= j < " + positions + " }");
  auto image = [&](const isl::map &of) { return coalesced(of.apply_domain(cut).apply_range(cut)); };
  isl::map some = image(pairs), all = some.subtract(image(every.subtract(pairs)));
  return {conditionOf(some.wrap().flatten()), conditionOf(all.wrap().flatten())};
}

static std::vector<BlockContent> byBlock(const Blocks &blocks, int64_t count) {
  std::vector<BlockContent> contents;
  std::array<std::vector<int64_t>, 2> numbers;
  numbers[1].resize(count);
  std::iota(numbers[1].begin(), numbers[1].end(), 0);
  for (int64_t row = 0; row < count; ++row) {
    numbers[0].assign(count, row);
    auto some = blocks.holdSome.evaluateMany(numbers, count),
         all = blocks.holdAll.evaluateMany(numbers, count);
    for (int64_t k = 0; k < count; ++k)
      contents.push_back(all[k] ? BlockContent::All
                                : (some[k] ? BlockContent::Some : BlockContent::None));
  }
  return contents;
}

static std::vector<BlockContent> byPair(const Pattern &pattern, int64_t count, int64_t size) {
  const int64_t n = pattern.size();
  std::vector<BlockContent> contents;
  std::array<std::vector<int64_t>, 2> pair;
  pair[1].resize(n);
  std::iota(pair[1].begin(), pair[1].end(), 0);
  for (int64_t row = 0; row < count; ++row) {
    std::vector<int64_t> pairs(count, 0);
    for (int64_t i = row * size; i < std::min(n, row * size + size); ++i) {
      pair[0].assign(n, i);
      auto holds = pattern.condition().evaluateMany(pair, n);
      for (int64_t j = 0; j < n; ++j)
        pairs[j / size] += holds[j] != 0;
    }
    for (int64_t number : pairs)
      contents.push_back(number == size * size
                             ? BlockContent::All
                             : (number ? BlockContent::Some : BlockContent::None));
  }
  return contents;
}

std::vector<BlockContent> Pattern::blocks(int64_t size) const {
  const int64_t count = (impl->n + size - 1) / size;
  if (!impl->relation.is_null())
    if (auto found = impl->context->ask(
            proofBudget, [&] { return blocksOf(*impl->context, impl->relation, count, size); }))
      return byBlock(*found, count);
  return byPair(*this, count, size);
}

//===- ChunksTest.cpp - what chunks need of each other, by brute force ----===//

#include "Cases.h"

#include "compiler/Pattern/Chunks.h"

using namespace stc::pattern;
using namespace stc::pattern::test;

namespace {
Pattern parsed(const std::string &text, int64_t n) {
  auto pattern = Pattern::parse(text, n);
  EXPECT_TRUE(pattern) << text << ": " << pattern.error().message;
  return *pattern;
}

bool isIn(const View &view, int64_t position) {
  const int64_t place = position % view.period - view.first;
  return 0 <= place && place < view.width;
}

/// Each pair is a chunk's own, at its place among the chunk's positions, or one of `gathered`,
/// whose key is there, and no pair is both; how many the busiest chunk has of the latter.
int64_t expectSplit(const Pattern &whole, int64_t count, int64_t block, const InChunks &found) {
  const int64_t n = whole.size(), chunk = n / count;
  const Pattern gathered = parsed(found.gathered, n);
  std::vector<int64_t> pairs(count);
  auto chunkOf = [&](int64_t i) { return i / block % count; };
  auto rowOf = [&](int64_t i) { return i / (block * count) * block + i % block; };
  std::optional<Pattern> own;
  if (!found.own.empty())
    own = parsed(found.own, chunk);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      const bool isGathered = gathered.contains(i, j),
                 isOwn = own && chunkOf(i) == chunkOf(j) && own->contains(rowOf(i), rowOf(j));
      EXPECT_EQ(isGathered + isOwn, int(whole.contains(i, j))) << i << ", " << j;
      EXPECT_TRUE(!isGathered || isIn(found.keys, j)) << j;
      pairs[chunkOf(i)] += isGathered;
    }
  EXPECT_EQ(std::accumulate(pairs.begin(), pairs.end(), int64_t(0)), found.pairs);
  if (own)
    EXPECT_EQ(own->countPairs(), found.ownPairs);
  return *std::max_element(pairs.begin(), pairs.end());
}

TEST(Chunks, OfNamedPatterns) {
  struct Expected {
    const char *text;
    int64_t n, count, block;
    View keys;
    bool isOwnAlike;
  };
  for (const Expected &expected : {
           Expected{"fixed(8, 2)", 128, 2, 64, {8, 6, 2, 1}, true},
           Expected{"fixed(8, 2)", 128, 4, 8, {8, 6, 2, 1}, true},
           Expected{"fixed(8, 2)", 128, 2, 16, {8, 6, 2, 1}, true},
           Expected{"dense", 96, 4, 24, {}, true},
           Expected{"dense", 96, 2, 12, {}, true},
           Expected{"block(8)", 64, 4, 16, {}, true},
           Expected{"local(5)", 64, 4, 16, {16, 11, 5, 1}, true},
           Expected{"block(12)", 96, 2, 8, {}, false}, // blocks of chunks cut its own
           Expected{"local(5) | sinks(2)", 64, 2, 32, {}, false},
       }) {
    SCOPED_TRACE(expected.text);
    const Pattern whole = parsed(expected.text, expected.n);
    auto found = inChunks(whole, expected.count, expected.block);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->keys.str(), expected.keys.str());
    EXPECT_EQ(!found->own.empty(), expected.isOwnAlike);
    EXPECT_EQ(expectSplit(whole, expected.count, expected.block, *found), found->busiest);
  }
  EXPECT_FALSE(inChunks(parsed("dense", 96), 5, 16)); // of which there are no five
  EXPECT_FALSE(inChunks(parsed("dense", 96), 2, 32)); // nor whole blocks
}

// Of every count-th block of a stride's period a chunk has whole residues, whose pairs are its own.
TEST(Chunks, OfResidues) {
  struct Expected {
    const char *text;
    int64_t n, count, block;
    const char *own;
    View keys;
  };
  for (const Expected &expected : {
           Expected{"strided(128)", 2048, 2, 64, "strided(64)", {}},
           Expected{"strided(256)", 2048, 4, 64, "strided(64)", {}},
           Expected{"stride(128)", 2048, 2, 64, "stride(64)", {}},
           Expected{"stride(96)", 384, 2, 24, nullptr, {}}, // two runs of each period
           Expected{"local(128) | stride(64)", 2048, 2, 32, nullptr, {}},
       }) {
    SCOPED_TRACE(expected.text);
    const Pattern whole = parsed(expected.text, expected.n);
    auto found = inChunks(whole, expected.count, expected.block);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->keys.str(), expected.keys.str());
    if (expected.own)
      EXPECT_EQ(found->own, expected.own);
    EXPECT_FALSE(found->own.empty());
    EXPECT_EQ(expectSplit(whole, expected.count, expected.block, *found), found->busiest);
  }
  EXPECT_FALSE(inChunks(parsed("stride(8)", 512), 2, 256)); // all residues in each chunk
  EXPECT_FALSE(inChunks(parsed("stride(12)", 96), 2, 4));   // and other ones in each period
}

// The number of the case has it small often enough that chunks differ, and that they do not.
TEST(Chunks, OfRandomPatterns) {
  int split = 0, alike = 0;
  forCases(0, groups * 60, [&](Generator &generator, int64_t) {
    const RandomPattern random = generator.expression(1);
    const int64_t count = generator.number(2, 3), block = 4 * generator.number(1, 4),
                  n = count * block * generator.number(1, 2);
    SCOPED_TRACE(random.text + " over " + std::to_string(n) + " in " + std::to_string(count) +
                 " chunks of blocks of " + std::to_string(block));
    auto whole = Pattern::parse("(" + random.text + ") & dense", n);
    auto found = whole ? inChunks(*whole, count, block) : std::nullopt;
    if (!found)
      return;
    EXPECT_EQ(expectSplit(*whole, count, block, *found), found->busiest);
    ++split;
    alike += !found->own.empty();
  });
  EXPECT_GT(split, 30);
  EXPECT_GT(alike, 10);
}
} // namespace

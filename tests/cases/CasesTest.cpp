//===- CasesTest.cpp - the shared list itself -----------------------------===//

#include "tests/cases/Cases.h"

#include "compiler/Pattern/Pattern.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

using namespace stc::cases;
using stc::pattern::Pattern;

namespace {
std::vector<Case> everyCase() {
  std::vector<Case> all = attentionCases();
  for (const auto *more : {&longHeadCases(), &benchmarkCases(), &gpuBenchmarkCases()})
    all.insert(all.end(), more->begin(), more->end());
  return all;
}
} // namespace

TEST(Cases, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Case &test : everyCase()) {
    EXPECT_TRUE(names.insert(test.name).second) << test.name;
    EXPECT_TRUE(std::ranges::all_of(test.name, [](unsigned char c) {
      return std::isalnum(c) || c == '_';
    })) << test.name;
    std::string length = "_n" + std::to_string(test.n);
    EXPECT_TRUE(test.name.ends_with(length)) << test.name;
  }
}

TEST(Cases, HavePatternsThatParse) {
  for (const Case &test : everyCase()) {
    EXPECT_LE(test.patterns.size(), size_t(test.heads)) << test.name;
    for (int64_t head = 0; head < test.heads; ++head) {
      auto pattern = Pattern::parse(test.patternOf(head), test.n);
      EXPECT_TRUE(pattern) << test.name << ": " << (pattern ? "" : pattern.error().message);
    }
  }
}

TEST(Cases, CoverTheSizesThatMatter) {
  std::set<int64_t> lengths, sizes;
  bool differ = false;
  for (const Case &test : attentionCases()) {
    lengths.insert(test.n);
    sizes.insert(test.querySize);
    differ |= test.querySize != test.valueSize;
  }
  EXPECT_EQ(lengths,
            (std::set<int64_t>{1,   2,   3,   17,  100, 127, 128, 129, 192,  200,  256,  257,
                               300, 400, 512, 515, 640, 643, 768, 970, 1000, 1203, 1500, 2305}));
  EXPECT_EQ(sizes, (std::set<int64_t>{5, 16, 20, 24, 32, 40, 64, 96, 127, 128}));
  EXPECT_TRUE(differ);
}

// For each layout, heads that share keys and heads that do not, with one pattern and with several.
TEST(Cases, CoverTheWaysOfHeads) {
  std::set<std::tuple<bool, bool, bool>> ways;
  for (const Case &test : attentionCases()) {
    EXPECT_EQ(test.heads % test.keyHeads, 0) << test.name;
    ways.insert({test.headMajor, test.keyHeads<test.heads, test.patterns.size()> 1});
  }
  EXPECT_EQ(ways.size(), 8u);
}

//===- CountTest.cpp - exact counts, also of a million positions ----------===//

#include "Cases.h"

#include "compiler/Pattern/Pattern.h"

#include <array>

using namespace stc::pattern;
using namespace stc::pattern::test;

namespace {

constexpr int64_t million = 1 << 20;

int64_t counted(const std::string &text, int64_t n = million) {
  auto pattern = Pattern::parse(text, n);
  if (!pattern) {
    ADD_FAILURE() << text << ": " << pattern.error().message;
    return -1;
  }
  return pattern->countPairs().value_or(-1);
}

int64_t triangle(int64_t n) { return n * (n + 1) / 2; }

/// The sum of row(i) over all rows.
template <class Row> int64_t sumOfRows(int64_t n, Row row) {
  int64_t sum = 0;
  for (int64_t i = 0; i < n; ++i)
    sum += row(i);
  return sum;
}

/// How many 0 <= j <= i have j mod m in [first, first + width).
int64_t inWindow(int64_t i, int64_t m, int64_t first, int64_t width) {
  if (i < 0)
    return 0;
  return (i + 1) / m * width + std::clamp<int64_t>((i + 1) % m - first, 0, width);
}

TEST(Count, NamedPatterns) {
  constexpr int64_t n = million, l = 1024, c = 32;
  int64_t local = triangle(n) - triangle(n - l - 1), block = n / l * triangle(l);
  int64_t stride = sumOfRows(n, [](int64_t i) { return i / l + 1; });
  int64_t summary = sumOfRows(n, [](int64_t i) { return inWindow(i, l, l - c, c); });
  EXPECT_EQ(counted("dense"), triangle(n));
  EXPECT_EQ(counted("local(1024)"), local);
  EXPECT_EQ(counted("block(1024)"), block);
  EXPECT_EQ(counted("stride(1024)"), stride);
  EXPECT_EQ(counted("summary(1024, 32)"), summary);
  EXPECT_EQ(counted("sinks(10)"), triangle(10) + (n - 10) * 10);
  // Both hold the pairs at distances 0 and l.
  EXPECT_EQ(counted("strided(1024)"), local + stride - n - (n - l));
  EXPECT_EQ(counted("fixed(1024, 32)"), block + summary - n / l * triangle(c));
  EXPECT_EQ(counted("dense - dense"), 0);
  EXPECT_EQ(counted("local(0)"), n);
}

TEST(Count, LengthsThatPeriodsDoNotDivide) {
  constexpr int64_t n = 1'000'003, l = 1000;
  EXPECT_EQ(counted("stride(1000)", n), sumOfRows(n, [](int64_t i) { return i / l + 1; }));
  EXPECT_EQ(counted("block(1000)", n), sumOfRows(n, [](int64_t i) { return i % l + 1; }));
  EXPECT_EQ(counted("summary(1000, 7)", n),
            sumOfRows(n, [](int64_t i) { return inWindow(i, l, l - 7, 7); }));
}

TEST(Count, RowsThatAreNoInterval) {
  constexpr int64_t n = million;
  EXPECT_EQ(counted("{ [i] -> [j] : j <= i and (i + j) mod 1000 < 7 }"),
            sumOfRows(n, [](int64_t i) {
              int64_t sum = 0;
              for (int64_t k = 0; k < 7; ++k) {
                int64_t remainder = ((k - i) % 1000 + 1000) % 1000;
                sum += inWindow(i, 1000, remainder, 1);
              }
              return sum;
            }));
  // Outside the last 129 keys, one of two moduli, or both.
  EXPECT_EQ(counted("{ [i] -> [j] : j <= i - 129 and (j mod 96 = 5 or j mod 128 >= 100) }"),
            sumOfRows(n, [](int64_t i) {
              int64_t last = i - 129, both = 0;
              for (int64_t j = 5; j < 384; j += 96)
                if (j % 128 >= 100)
                  both += inWindow(last, 384, j, 1);
              return inWindow(last, 96, 5, 1) + inWindow(last, 128, 100, 28) - both;
            }));
  // Two slopes and a modulus.
  EXPECT_EQ(counted("{ [i] -> [j] : 2*j <= i and 3*j >= i and j mod 3 = 1 }"),
            sumOfRows(n, [](int64_t i) {
              return inWindow(i / 2, 3, 1, 1) - inWindow((i + 2) / 3 - 1, 3, 1, 1);
            }));
}

TEST(Count, OverlappingModelsOfAMillion) {
  // |strided and fixed| = |strided| + |fixed| - |both|, each counted in its own way.
  int64_t both = counted("strided(1024) & fixed(1024, 32)");
  EXPECT_EQ(counted("strided(1024) | fixed(1024, 32)"),
            counted("strided(1024)") + counted("fixed(1024, 32)") - both);
  EXPECT_EQ(counted("fixed(1024, 32) - strided(1024)"), counted("fixed(1024, 32)") - both);
}

TEST(Count, KeysOfAQuery) {
  auto keys = [](const std::string &text, int64_t i) {
    return Pattern::parse(text, million)->countKeys(i);
  };
  EXPECT_EQ(keys("dense", million - 1), million);
  EXPECT_EQ(keys("local(128)", 5), 6);
  EXPECT_EQ(keys("strided(1024)", million - 1), 1025 + 1022);
  EXPECT_EQ(keys("{ [i] -> [j] : j > i and j < i + 4 }", million - 2), 1);
}

class Counts : public testing::TestWithParam<int> {};

/// Sequences long enough for closed forms and periods to be used.
TEST_P(Counts, LongRandomExpressions) {
  forCases(GetParam(), 96, [](Generator &generator, int64_t k) {
    int64_t n = generator.number(500, 900);
    RandomPattern random = k / groups % 2 ? generator.expression(1) : generator.constructor(60);
    if (k / groups % 2 == 0) {
      RandomPattern other = generator.constructor(60);
      auto p = random.holds, q = other.holds;
      random = {random.text + " | " + other.text,
                [=](int64_t i, int64_t j) { return p(i, j) || q(i, j); }};
    }
    SCOPED_TRACE("n = " + std::to_string(n) + ": " + random.text);
    auto pattern = Pattern::parse(random.text, n);
    ASSERT_TRUE(pattern.has_value());
    ASSERT_EQ(pattern->countPairs(), Matrix(random, n).count());
  });
}

INSTANTIATE_TEST_SUITE_P(Groups, Counts, testing::Range(0, groups));

TEST(CountTiles, OfAMillion) {
  constexpr int64_t n = million;
  auto tilesOf = [](const std::string &text) {
    TileCount sum;
    for (const Walk &walk : Pattern::parse(text, n)->walks()) {
      TileCount count = countTiles(walk, n, 64, 32);
      sum.full += count.full;
      sum.partial += count.partial;
      sum.skipped += count.skipped;
      sum.pairs += count.pairs;
    }
    return sum;
  };
  constexpr int64_t rows = n / 64, columns = n / 32;
  TileCount dense = tilesOf("dense");
  EXPECT_EQ(dense.full, rows * (rows - 1));
  EXPECT_EQ(dense.partial, 2 * rows);
  EXPECT_EQ(dense.full + dense.partial + dense.skipped, rows * columns);
  EXPECT_EQ(dense.pairs, (dense.full + dense.partial) * 64 * 32);
  TileCount block = tilesOf("block(1024)");
  EXPECT_EQ(block.full, n / 1024 * 16 * 15);
  EXPECT_EQ(block.partial, 2 * rows);
  // 1024 problems of 1024 rows each.
  TileCount stride = tilesOf("stride(1024)");
  EXPECT_EQ(stride.full, 1024 * 16 * 15);
  EXPECT_EQ(stride.partial, 1024 * 2 * 16);
}

} // namespace

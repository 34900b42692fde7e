//===- WalksTest.cpp - parts, views, predicates and ranges by brute force -===//

#include "RandomPattern.h"

#include "compiler/Pattern/Pattern.h"

#include <gtest/gtest.h>

using namespace stc::pattern;
using namespace stc::pattern::test;

namespace {

constexpr uint64_t seed = 20190423;

/// A pattern as a matrix of n x n bits.
struct Matrix {
  int64_t n;
  std::vector<char> bits;

  explicit Matrix(int64_t n) : n(n), bits(n * n) {}
  Matrix(const RandomPattern &pattern, int64_t n) : Matrix(n) {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        at(i, j) = pattern.holds(i, j);
  }
  char &at(int64_t i, int64_t j) { return bits[i * n + j]; }
};

/// One axis of a segment against the other: holds(r, tiled row, other row).
template <class Holds>
void checkRange(const Range &range, const View &tiled, const View &other, int64_t n, int64_t tile,
                bool exact, Holds holds) {
  for (int64_t r = 0; r < tiled.residues; ++r) {
    int64_t rows = tiled.rows(n, r), otherRows = other.rows(n, r);
    for (int64_t t = 0; t * tile < tiled.maxRows(n); ++t) {
      std::array<int64_t, 2> variables = {r, t};
      int64_t lo = range.lo.evaluate(variables), hi = range.hi.evaluate(variables);
      int64_t fullLo = range.fullLo.evaluate(variables), fullHi = range.fullHi.evaluate(variables);
      SCOPED_TRACE("tile " + std::to_string(tile) + " r " + std::to_string(r) + " t " +
                   std::to_string(t) + ": " + std::to_string(lo) + " " + std::to_string(fullLo) +
                   " " + std::to_string(fullHi) + " " + std::to_string(hi));
      if (lo < hi) {
        ASSERT_LE(0, lo);
        ASSERT_LE(lo, fullLo);
        ASSERT_LE(fullLo, fullHi);
        ASSERT_LE(fullHi, hi);
        ASSERT_LE(hi, otherRows);
      } else {
        ASSERT_EQ(fullLo, lo);
        ASSERT_EQ(fullHi, lo);
      }
      for (int64_t b = 0; b < otherRows; ++b) {
        bool any = false, all = true;
        for (int64_t a = t * tile; a < std::min(rows, t * tile + tile); ++a)
          (holds(r, a, b) ? any : all) = holds(r, a, b);
        if (any)
          ASSERT_TRUE(lo <= b && b < hi) << "row " << b << " is outside";
        else if (exact)
          ASSERT_FALSE(lo <= b && b < hi) << "row " << b << " is no part of the tile";
        if (fullLo <= b && b < fullHi)
          ASSERT_TRUE(all) << "row " << b << " is not full";
      }
    }
  }
}

void checkSegment(const Segment &segment, const Matrix &part, int64_t n) {
  auto holds = [&](int64_t r, int64_t a, int64_t b) {
    int64_t i = segment.query.position(r, a), j = segment.key.position(r, b);
    return i < n && j < n && part.bits[i * n + j];
  };
  for (int64_t tile : {1, 4, 8, 32}) {
    ASSERT_NO_FATAL_FAILURE(checkRange(segment.keysOf(tile), segment.query, segment.key, n, tile,
                                       segment.exactRanges(tile), holds));
    ASSERT_NO_FATAL_FAILURE(
        checkRange(segment.queriesOf(tile), segment.key, segment.query, n, tile, false,
                   [&](int64_t r, int64_t b, int64_t a) { return holds(r, a, b); }));
  }
}

/// Everything about a pattern's walks against its matrix.
void checkWalks(const Pattern &pattern, Matrix expected) {
  int64_t n = pattern.size(), pairs = 0;
  Matrix seen(n);
  for (const Walk &walk : pattern.walks())
    for (const Segment &segment : walk.segments) {
      SCOPED_TRACE(segment.text + " in " + segment.query.str() + " and " + segment.key.str());
      ASSERT_EQ(walk.query, segment.query);
      Matrix part(n);
      for (int64_t r = 0; r < segment.query.residues; ++r)
        for (int64_t a = 0; a < segment.query.rows(n, r); ++a)
          for (int64_t b = 0; b < segment.key.rows(n, r); ++b) {
            if (!segment.predicate.evaluate(std::array{r, a, b}))
              continue;
            int64_t i = segment.query.position(r, a), j = segment.key.position(r, b);
            ASSERT_TRUE(i < n && j < n);
            ASSERT_FALSE(seen.at(i, j)) << "twice: " << i << ", " << j;
            seen.at(i, j) = part.at(i, j) = true;
            ++pairs;
          }
      ASSERT_NO_FATAL_FAILURE(checkSegment(segment, part, n));
      auto text = Pattern::parse(segment.text, n);
      ASSERT_TRUE(text.has_value()) << text.error().message;
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j)
          ASSERT_EQ(text->contains(i, j), bool(part.at(i, j))) << i << ", " << j;
    }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      ASSERT_EQ(bool(seen.at(i, j)), bool(expected.at(i, j))) << i << ", " << j;
  ASSERT_EQ(pattern.countPairs(), pairs);
}

TEST(Walks, RandomExpressions) {
  RecordProperty("seed", std::to_string(seed));
  std::printf("seed %llu\n", (unsigned long long)seed);
  const char *scale = std::getenv("STC_TEST_CASES");
  int cases = scale ? std::atoi(scale) : 600;
  for (int k = 0; k < cases; ++k) {
    Generator generator(seed + k);
    int64_t n = std::array{17, 23, 40}[k % 3];
    RandomPattern random = generator.expression(2);
    SCOPED_TRACE("case " + std::to_string(k) + ", n = " + std::to_string(n) + ": " + random.text);
    auto pattern = Pattern::parse(random.text, n);
    ASSERT_TRUE(pattern.has_value()) << pattern.error().message << " at " << pattern.error().offset;
    ASSERT_NO_FATAL_FAILURE(checkWalks(*pattern, Matrix(random, n)));
  }
}

} // namespace

//===- Cases.h - numbered random cases and what they are held against -----===//
//
// Each case has a seed of its own, printed with a failure. STC_TEST_SEED=<seed> runs that case
// alone; STC_TEST_CASES=<count> changes how many there are. They are dealt out to `groups` tests of
// GoogleTest, so that its sharding can spread them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "RandomPattern.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace stc::pattern::test {

constexpr uint64_t firstSeed = 20190423;
constexpr int groups = 16;

inline int64_t environmentNumber(const char *name, int64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::atoll(text) : otherwise;
}

/// Runs check(generator, k) for a group's share of `count` cases, up to the first failure.
template <class Check> void forCases(int group, int64_t count, Check check) {
  int64_t only = environmentNumber("STC_TEST_SEED", -1);
  count = environmentNumber("STC_TEST_CASES", count);
  for (int64_t k = group; k < count && !testing::Test::HasFailure(); k += groups) {
    uint64_t seed = firstSeed + k;
    if (only >= 0 && uint64_t(only) != seed)
      continue;
    SCOPED_TRACE("STC_TEST_SEED=" + std::to_string(seed));
    Generator generator(seed);
    check(generator, k);
  }
}

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
  bool at(int64_t i, int64_t j) const { return bits[i * n + j]; }
  int64_t count() const { return std::count(bits.begin(), bits.end(), 1); }
};

} // namespace stc::pattern::test

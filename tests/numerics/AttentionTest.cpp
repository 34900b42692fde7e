//===- AttentionTest.cpp - compiled attention against its definition ------===//
//
// Forward and gradient of the shared cases and of random set expressions. STC_NUMERICS_CASES sets
// how many of the latter (32 where it is not set), STC_NUMERICS_SEED their seed.
//
// Each is also called with a number in it that is not finite, and with scores far out.
//
//===----------------------------------------------------------------------===//

#include "tests/cases/Cases.h"
#include "tests/numerics/Compiled.h"
#include "tests/unit/Pattern/RandomPattern.h"

#include "compiler/Pattern/Pattern.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace stc;
using namespace stc::test;

namespace {
constexpr double tolerance = 1e-5; // relative, in float32

/// One input has an element that is not finite: so are those results that depend on it by
/// definition, and no others.
void checkNotFinite(Compiled &compiled, const std::string &function, const Tensors &finite,
                    uint64_t seed) {
  std::mt19937_64 random(seed);
  for (double value : {std::nan(""), double(INFINITY), -double(INFINITY)}) {
    Tensors inputs = finite;
    std::vector<size_t> floats; // not the position
    for (auto [number, input] : llvm::enumerate(inputs))
      if (!input.floats.empty())
        floats.push_back(number);
    size_t input = floats[random() % floats.size()];
    size_t element = random() % inputs[input].floats.size();
    inputs[input].floats[element] = value;
    EXPECT_EQ(compiled.call(function, inputs).mismatch(tolerance), "")
        << function << ", seed " << seed << ", input " << input << ", element " << element << " is "
        << value;
  }
}

/// Scores below -1e30 and above 1e30, and beyond float32: right, or not a number.
void checkFarScores(Compiled &compiled, const std::string &function, const Tensors &near) {
  for (double factor : {1e16, 1e25}) {
    Tensors inputs = near;
    for (size_t number : {0, 1})
      for (double &element : inputs[number].floats)
        element = static_cast<float>(factor * element);
    EXPECT_EQ(compiled.call(function, inputs).mismatch(1e-4, /*orNan=*/true), "")
        << function << ", queries and keys times " << factor;
  }
}

constexpr size_t together = 8; // functions of a module

/// Compiles the cases together, a few functions a module, and checks each. `exceptions` is how many
/// may have a result that is small by cancellation: of two keys, say, with one weight near 1. As
/// one vector with the others its error must be small all the same.
void check(llvm::ArrayRef<cases::Case> all, uint64_t seed, int exceptions) {
  double worst = 0, joint = 0;
  int found = 0;
  for (size_t first = 0; first < all.size(); first += together) {
    size_t last = std::min(all.size(), first + together);
    std::string text;
    for (size_t k = first; k < last; ++k)
      text += all[k].function();
    CompileOptions options = optionsForHost();
    options.gradients = true;
    auto compiled = Compiled::parse(text, options);
    ASSERT_TRUE(compiled);
    for (size_t k = first; k < last; ++k)
      for (const char *suffix : {"", ".grad"}) {
        Results results = compiled->callAtRandom(all[k].name + suffix, seed + k);
        double error = results.worstError();
        EXPECT_LT(results.jointError(), tolerance)
            << all[k].name << suffix << " " << all[k].attribute() << all[k].layout() << " n "
            << all[k].n << " heads " << all[k].heads << ", " << all[k].keyHeads << " sizes "
            << all[k].querySize << ", " << all[k].valueSize;
        if (error >= tolerance) {
          ++found;
          std::printf("%s%s has a result with a relative error of %.2g\n", all[k].name.c_str(),
                      suffix, error);
        }
        worst = std::max(worst, error);
        joint = std::max(joint, results.jointError());
        Tensors inputs = compiled->randomInputs(all[k].name + suffix, seed + k);
        checkNotFinite(*compiled, all[k].name + suffix, inputs, seed + k);
        checkFarScores(*compiled, all[k].name + suffix, inputs);
      }
  }
  EXPECT_LE(found, exceptions);
  std::printf("%zu cases, forward and gradient: largest relative error of a result %.2g, of all "
              "together %.2g\n",
              all.size(), worst, joint);
}

int64_t setting(const char *name, int64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::atoll(text) : otherwise;
}

std::vector<cases::Case> sharedCases() {
  std::vector<cases::Case> all = cases::attentionCases();
  llvm::append_range(all, cases::longHeadCases());
  return all;
}

// In parts, so that several processes can share them.
class SharedCases : public testing::TestWithParam<size_t> {};

TEST_P(SharedCases, ForwardAndGradient) {
  const std::vector<cases::Case> all = sharedCases();
  const size_t first = GetParam() * together;
  check(llvm::ArrayRef(all).drop_front(first).take_front(together), 1 + first, /*exceptions=*/0);
}

INSTANTIATE_TEST_SUITE_P(Attention, SharedCases,
                         testing::Range<size_t>(0,
                                                (sharedCases().size() + together - 1) / together));

/// Checks functions of one query, whose last input is a position, each under its case's name.
void checkRows(llvm::function_ref<std::string(const cases::Case &)> textOf) {
  std::string text;
  std::vector<cases::Case> all;
  for (const cases::Case &test : sharedCases())
    if (std::string function = textOf(test); !function.empty()) {
      text += function;
      all.push_back(test);
    }
  auto compiled = Compiled::parse(text, optionsForHost());
  ASSERT_TRUE(compiled);
  for (const cases::Case &test : all) {
    Tensors inputs = compiled->randomInputs(test.name, 1);
    inputs.back().integers = {2 * test.n / 3};
    EXPECT_LT(compiled->call(test.name, inputs).worstError(), tolerance) << test.name;
    for (uint64_t seed : {1, 2, 3})
      checkNotFinite(*compiled, test.name, inputs, seed);
    checkFarScores(*compiled, test.name, inputs);
  }
}

TEST(Attention, RowsOfSharedCases) {
  checkRows([](const cases::Case &test) { return test.row("f32"); });
}

TEST(Attention, InsertedRowsOfSharedCases) {
  checkRows([](const cases::Case &test) {
    return test.headMajor ? "" : test.insertedRow("f32", "f32", "f32");
  });
}

constexpr size_t parts = 4;
class RandomPatterns : public testing::TestWithParam<size_t> {};

TEST_P(RandomPatterns, ForwardAndGradient) {
  int64_t count = setting("STC_NUMERICS_CASES", 32), seed = setting("STC_NUMERICS_SEED", 20190423);
  std::printf("seed %lld\n", static_cast<long long>(seed));
  std::vector<cases::Case> all;
  pattern::test::Generator random(seed);
  while (all.size() < static_cast<size_t>(count)) {
    int64_t n = random.number(0, 9) ? random.number(2, 90) : 1;
    std::vector<std::string> patterns;
    for (int64_t head = random.number(1, 2); head > 0; --head)
      patterns.push_back(random.expression(2).text);
    int64_t query = 8 * random.number(2, 16),
            value = random.number(0, 1) ? query : 8 * random.number(2, 16);
    int64_t keyHeads = random.number(1, 2), group = random.number(1, 3);
    all.push_back({"random_" + std::to_string(all.size()), patterns, n, random.number(1, 2),
                   keyHeads * group, query, value, keyHeads, random.number(0, 3) == 0});
  }
  const size_t first = all.size() * GetParam() / parts,
               last = all.size() * (GetParam() + 1) / parts;
  check(llvm::ArrayRef(all).slice(first, last - first), seed + first, (last - first) / 500);
}

INSTANTIATE_TEST_SUITE_P(Attention, RandomPatterns, testing::Range<size_t>(0, parts));
} // namespace

//===- RowsTest.cpp - everything but attention against the reference ------===//
//
// Random graphs of elementwise work, reductions, broadcasts, products, tables and parts of tensors,
// over shapes that no vector divides, forward and gradient. STC_NUMERICS_GRAPHS sets how many (24
// where it is not set), STC_NUMERICS_SEED their seed. And the shared list of cases.
//
//===----------------------------------------------------------------------===//

#include "tests/cases/RowCases.h"
#include "tests/numerics/Compiled.h"

#include <gtest/gtest.h>

using namespace stc;
using namespace stc::test;

namespace {
TEST(Rows, RandomGraphs) {
  const char *count = std::getenv("STC_NUMERICS_GRAPHS"), *start = std::getenv("STC_NUMERICS_SEED");
  int64_t graphs = count ? std::atoll(count) : 24, seed = start ? std::atoll(start) : 20190423;
  double worst = 0;
  int64_t cancelled = 0; // whose definition, too, loses as many digits in float32
  constexpr int64_t together = 4;
  for (int64_t first = 0; first < graphs; first += together) {
    std::string text;
    for (int64_t k = first; k < std::min(graphs, first + together); ++k)
      text += cases::randomGraph("graph" + std::to_string(k), seed + k, 12, /*products=*/true);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
    CompileOptions options = optionsForHost();
    options.gradients = true;
    auto compiled = Compiled::parse(text, options);
    ASSERT_TRUE(compiled);
    for (int64_t k = first; k < std::min(graphs, first + together); ++k)
      for (const char *suffix : {"", ".grad"}) {
        std::string name = "graph" + std::to_string(k) + suffix;
        double error = compiled->callAtRandom(name, seed + k).jointError();
        worst = std::max(worst, error);
        if (error < 1e-5)
          continue;
        EXPECT_LT(error, 2 * compiled->roundedAtRandom(name, seed + k).jointError()) << name;
        ++cancelled;
      }
  }
  std::printf("%lld graphs, forward and gradient: largest relative error %.2g; %lld with 1e-5 or "
              "more, by cancellation\n",
              static_cast<long long>(graphs), worst, static_cast<long long>(cancelled));
}

std::string nameOf(const testing::TestParamInfo<cases::RowCase> &info) { return info.param.name; }

class RowCases : public testing::TestWithParam<cases::RowCase> {};

TEST_P(RowCases, AgreesWithTheDefinition) {
  const cases::RowCase &test = GetParam();
  CompileOptions options = optionsForHost();
  options.gradients = test.hasGradient;
  auto compiled = Compiled::parse(test.text, options);
  ASSERT_TRUE(compiled);
  for (const char *suffix : {"", ".grad"})
    if (std::string name = test.name + suffix; name == test.name || test.hasGradient) {
      double error = compiled->callAtRandom(name, 1).jointError();
      double bound = test.tolerance;
      if (error > bound && bound >= cases::kFloat32Tolerance) // as defined it loses digits, too
        bound = 2 * compiled->roundedAtRandom(name, 1).jointError();
      EXPECT_LE(error, bound) << name;
    }
}
INSTANTIATE_TEST_SUITE_P(Shared, RowCases, testing::ValuesIn(cases::rowCases()), nameOf);
INSTANTIATE_TEST_SUITE_P(Host, RowCases, testing::ValuesIn(cases::hostRowCases()), nameOf);
} // namespace

//===- FunctionsTest.cpp - elementary functions, argument by argument -----===//
//
// Each against the definition in float64, for arguments of all magnitudes, and relative to each
// result by itself: in the norm of a tensor a small result is nothing.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/Compiled.h"

#include <gtest/gtest.h>
#include <random>

using namespace stc;
using namespace stc::test;

namespace {
constexpr int64_t count = 20000;

struct Function {
  const char *name;
  /// Magnitudes of arguments, between powers of ten; whether there are negative ones.
  double least, most;
  bool isSigned;
  /// The relative error of a result.
  double tolerance;
  /// And what its argument may be off by, of itself: matters where the result nearly is zero.
  double ofArgument = 0;
};
void PrintTo(const Function &function, std::ostream *out) { *out << function.name; }

const Function functions[] = {
    {"math.sin", -30, 4, true, 3e-7, 1e-13}, {"math.cos", -30, 4, true, 3e-7, 1e-13},
    {"math.tanh", -30, 2, true, 1e-6},       {"math.exp", -30, 1.9, true, 1e-6},
    {"math.log", -30, 30, false, 1e-6},      {"math.sqrt", -30, 30, false, 3e-7},
    {"math.rsqrt", -30, 30, false, 3e-7},
};

class Functions : public testing::TestWithParam<Function> {};

TEST_P(Functions, AreRightForSmallAndLargeArguments) {
  const Function &function = GetParam();
  auto compiled = Compiled::parse("func.func @f(%x: tensor<20000xf32>) -> tensor<20000xf32> {\n"
                                  "  %y = " +
                                      std::string(function.name) +
                                      " %x : tensor<20000xf32>\n"
                                      "  return %y : tensor<20000xf32>\n}\n",
                                  optionsForHost());
  ASSERT_TRUE(compiled);
  Tensors inputs = compiled->randomInputs("f", 1);
  std::mt19937_64 random(20190423);
  std::uniform_real_distribution<double> magnitude(function.least, function.most);
  auto draw = [&] {
    const double size = std::pow(10, magnitude(random));
    return static_cast<float>(function.isSigned && random() % 2 ? -size : size);
  };
  for (double &argument : inputs[0].floats)
    argument = draw();
  const Results results = compiled->call("f", inputs);
  ASSERT_EQ(int64_t(results.found[0].floats.size()), count);
  double worst = 0, at = 0;
  for (int64_t k = 0; k < count; ++k) {
    const double argument = inputs[0].floats[k], expected = results.expected[0].floats[k];
    if (std::abs(expected) < 1.2e-38)
      continue; // is zero in float32
    const double slack = function.ofArgument * std::abs(argument);
    const double error =
        std::max(std::abs(results.found[0].floats[k] - expected) - slack, 0.0) / std::abs(expected);
    if (!(error <= worst))
      worst = error, at = argument;
  }
  std::printf("%s: %.2g, at %.9g\n", function.name, worst, at);
  EXPECT_LE(worst, function.tolerance) << "at " << at;
}
INSTANTIATE_TEST_SUITE_P(Math, Functions, testing::ValuesIn(functions));
} // namespace

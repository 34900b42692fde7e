//===- ModulesTest.cpp - whole modules against the reference --------------===//
//
// Random modules: functions that share variables and overwrite them, with several results and with
// gradients with respect to inputs and to values between. STC_NUMERICS_MODULES sets how many (120
// where it is not set), STC_NUMERICS_SEED the seed of the first; each has the next one. And modules
// that were wrong once, each reduced to what made it so.
//
//===----------------------------------------------------------------------===//

#include "tests/cases/RandomModule.h"
#include "tests/numerics/Compiled.h"

#include <gtest/gtest.h>
#include <random>

using namespace stc;
using namespace stc::test;

namespace {
constexpr int groups = 4;
/// Of a result's largest element.
constexpr double tolerance = 1e-5;
/// How many times what the definition loses. Functions are polynomials, off by some units in the
/// last place, where the definition's are rounded once.
constexpr double slack = 32;

int64_t setting(const char *name, int64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::atoll(text) : otherwise;
}

/// The error of each result against its own largest element.
std::vector<double> errorsOf(const Results &results) {
  std::vector<double> errors;
  for (auto [found, expected] : llvm::zip_equal(results.found, results.expected))
    errors.push_back(Results{{found}, {expected}}.jointError());
  return errors;
}

/// What float32 loses of each result by the definition itself: the largest error where every op is
/// rounded, from inputs that are off by a rounding, too.
std::vector<double> roundingOf(Compiled &compiled, const std::string &function,
                               const Tensors &inputs, const Tensors &expected) {
  std::vector<double> worst(expected.size());
  std::mt19937_64 random(1);
  for (int draw = 0; draw < 4; ++draw) {
    Tensors near = inputs;
    for (reference::Tensor &tensor : near)
      for (double &value : tensor.floats)
        value *= 1 + (random() % 2 ? 6e-8 : -6e-8);
    Results results{compiled.roundedWithVariables(function, near).found, expected};
    for (auto [most, error] : llvm::zip_equal(worst, errorsOf(results)))
      most = std::max(most, error);
  }
  return worst;
}

/// Calls a function and compares all that it leaves. True if something is off by more than the
/// tolerance, but by no more than by what float32 loses in the definition, too.
bool isRounded(Compiled &compiled, const std::string &function, uint64_t seed) {
  Tensors inputs = compiled.randomInputs(function, seed);
  Results results = compiled.callWithVariables(function, inputs);
  std::vector<double> errors = errorsOf(results);
  if (llvm::all_of(errors, [](double error) { return error < tolerance; }))
    return false;
  std::vector<double> rounding = roundingOf(compiled, function, inputs, results.expected);
  for (auto [k, error] : llvm::enumerate(errors))
    EXPECT_LE(error, std::max(tolerance, slack * rounding[k]))
        << function << ", result or variable " << k;
  return true;
}

class RandomModules : public testing::TestWithParam<int> {};

TEST_P(RandomModules, AgreeWithTheReference) {
  int64_t count = setting("STC_NUMERICS_MODULES", 120),
          seed = setting("STC_NUMERICS_SEED", 20190423);
  int64_t functions = 0;
  for (int64_t k = GetParam(); k < count && !HasFailure(); k += groups) {
    std::printf("seed %lld\n", static_cast<long long>(seed + k)); // also where it crashes
    std::fflush(stdout);
    cases::RandomModule module = cases::randomModule(seed + k);
    SCOPED_TRACE("STC_NUMERICS_MODULES=1 STC_NUMERICS_SEED=" + std::to_string(seed + k) + "\n" +
                 module.text);
    auto compiled = Compiled::parse(module.text, optionsForHost());
    ASSERT_TRUE(compiled);
    // Each once, and the first again: variables are what the others have left.
    module.functions.push_back(module.functions.front());
    for (const std::string &function : module.functions) {
      ++functions;
      if (isRounded(*compiled, function, seed + k))
        std::printf("rounding: seed %lld, @%s\n", static_cast<long long>(seed + k),
                    function.c_str());
    }
  }
  std::printf("from seed %lld: %lld calls\n", static_cast<long long>(seed),
              static_cast<long long>(functions));
}
INSTANTIATE_TEST_SUITE_P(Shared, RandomModules, testing::Range(0, groups));

//===--- modules that were wrong once -------------------------------------===//

struct Module {
  const char *name, *text;
};

void PrintTo(const Module &module, std::ostream *out) { *out << module.name; }
std::string nameOf(const testing::TestParamInfo<Module> &info) { return info.param.name; }

class Modules : public testing::TestWithParam<Module> {};

TEST_P(Modules, AgreeWithTheReference) {
  auto compiled = Compiled::parse(GetParam().text, optionsForHost());
  ASSERT_TRUE(compiled);
  for (uint64_t seed : {1, 2})
    EXPECT_FALSE(isRounded(*compiled, "f", seed));
}

const Module modules[] = {
    // The first kernel has its sum in the memory of its second operand, the other one its
    // difference.
    {"variants_in_place", R"(
func.func @f(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<4x1xf32>) {
  %one = arith.constant dense<1.0> : tensor<1x1xf32>
  %a0 = stc.matmul %x, %x : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %a1 = stc.matmul %x, %a0 : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %s = arith.addf %a0, %a1 : tensor<2x2xf32>
  %d = arith.subf %a0, %a1 : tensor<2x2xf32>
  %b0 = stc.matmul %a0, %s : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %r = stc.reshape %b0 : tensor<2x2xf32> to tensor<4x1xf32>
  %b1 = stc.matmul %s, %d : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %t = arith.addf %b0, %b1 : tensor<2x2xf32>
  %e = arith.subf %b0, %b1 : tensor<2x2xf32>
  %z = stc.matmul %r, %one : tensor<4x1xf32>, tensor<1x1xf32> -> tensor<4x1xf32>
  return %s, %d, %t, %e, %z : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<4x1xf32>
}
)"},
    // The gradients with respect to one of two equal values: computed twice, folded, read twice,
    // constants.
    {"gradients_of_equal_values", R"(
stc.variable parameter @w : tensor<4xf32>
func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %first = stc.read @w : tensor<4xf32>
  %second = stc.read @w : tensor<4xf32>
  %c = arith.constant dense<2.0> : tensor<4xf32>
  %d = arith.constant dense<2.0> : tensor<4xf32>
  %y = math.sin %x : tensor<4xf32>
  %z = math.sin %x : tensor<4xf32>
  %same = arith.mulf %x, %one : tensor<4xf32>
  %p = arith.mulf %y, %z : tensor<4xf32>
  %q = arith.mulf %x, %c : tensor<4xf32>
  %r = arith.mulf %second, %d : tensor<4xf32>
  %pq = arith.addf %p, %q : tensor<4xf32>
  %all = arith.addf %pq, %r : tensor<4xf32>
  %l = stc.reduce sum %all dims [0] : tensor<4xf32> to tensor<f32>
  %g:4 = stc.gradient %l wrt %y, %same, %first, %c : (tensor<f32>) wrt (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  stc.write @w, %x : tensor<4xf32>
  return %g#0, %g#1, %g#2, %g#3, %all : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
)"},
    // Nothing is summed for its gradient, not even over no dims.
    {"gradient_of_a_broadcast_that_repeats_nothing", R"(
func.func @f(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %y = stc.broadcast %x dims [0, 1] : tensor<2x3xf32> to tensor<2x3xf32>
  %z = arith.mulf %y, %x : tensor<2x3xf32>
  %g:2 = stc.gradient %z seed %x wrt %x, %y : (tensor<2x3xf32>) seed (tensor<2x3xf32>) wrt (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>, tensor<2x3xf32>
  return %g#0, %g#1 : tensor<2x3xf32>, tensor<2x3xf32>
}
)"},
    // A scalar has no last dim that could be its columns.
    {"scalar_as_a_row", R"(
func.func @f(%x: tensor<2xf32>, %sequence: tensor<1x5x1xf32>) -> tensor<1x5x1xf32> {
  %sum = stc.reduce sum %x dims [0] : tensor<2xf32> to tensor<f32>
  %row = stc.reshape %sum : tensor<f32> to tensor<1x1x1xf32>
  %at = arith.constant dense<3> : tensor<i32>
  %all = stc.insert_row %row into %sequence at %at : tensor<1x1x1xf32> into tensor<1x5x1xf32>
  return %all : tensor<1x5x1xf32>
}
)"},
    // The first of two gradients that are equal does not depend on the other.
    {"gradient_of_a_gradient", R"(
func.func @f(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = math.sin %x : tensor<4xf32>
  %b = math.cos %y : tensor<4xf32>
  %s = arith.addf %a, %b : tensor<4xf32>
  %e = math.exp %s : tensor<4xf32>
  %g:2 = stc.gradient %e seed %x wrt %a, %b : (tensor<4xf32>) seed (tensor<4xf32>) wrt (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>
  %c = arith.mulf %g#0, %y : tensor<4xf32>
  %h = stc.gradient %c seed %x wrt %g#1 : (tensor<4xf32>) seed (tensor<4xf32>) wrt (tensor<4xf32>) -> tensor<4xf32>
  return %h, %c : tensor<4xf32>, tensor<4xf32>
}
)"},
};
INSTANTIATE_TEST_SUITE_P(Shared, Modules, testing::ValuesIn(modules), nameOf);
} // namespace

//===- ModelTest.cpp - a whole small model in float64 ---------------------===//
//
// Gradients of the loss against finite differences, and passes that must not change what is
// computed.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

#include "compiler/Model/Model.h"
#include "compiler/Spec/Spec.h"

#include <cmath>
#include <regex>

using namespace mlir;
using namespace stc::reference;
using namespace stc::reference::test;

namespace {
constexpr uint64_t seed = 20190423;
constexpr int64_t batch = 2, positions = 16, vocabulary = 11;

// Without a memory of earlier gradients, Adam's first moment is the clipped gradient; and no
// gradient is so long that it would be clipped.
std::string specText(const std::string &pattern, double dropout) {
  return R"(name = "tiny"
[model]
layers = 2
width = 8
heads = 2
vocabulary = 11
[attention]
)" + pattern +
         R"(
[data]
kind = "text"
context = 16
[train]
batch = 2
steps = 10
learning_rate = 0.01
clip = 1e30
beta1 = 0.0
dropout = )" +
         std::to_string(dropout) + "\n[sample]\nbatch = 2\n";
}

const std::string fixedPattern = "pattern = \"fixed(4, 1)\"";

Module build(const std::string &text) {
  auto spec = stc::spec::parseSpec(text, "tiny.toml");
  if (!spec)
    llvm::report_fatal_error(llvm::Twine(spec.error()[0].str()));
  return stc::model::build(*spec, &context());
}

using Variables = std::map<std::string, Tensor>;

/// All parameters random, so that no gradient is zero by chance; moments zero.
Variables randomVariables(ModuleOp module, Random &random) {
  Variables variables = Interpreter(module).variables;
  for (auto variable : module.getOps<stc::VariableOp>())
    if (variable.getRole() == stc::Role::Parameter) {
      Tensor &tensor = variables[variable.getSymName().str()];
      tensor = uniform(tensor.shape, random, -0.5, 0.5);
    }
  variables["seed"] = Tensor::scalar(42);
  return variables;
}

Tensor randomTokens(Random &random, int64_t symbols) {
  std::vector<int64_t> tokens(batch * positions);
  for (int64_t &token : tokens)
    token = std::uniform_int_distribution<int64_t>(0, symbols - 1)(random);
  return Tensor::of({batch, positions}, tokens);
}

/// Tokens, the start symbol among them, and targets.
std::vector<Tensor> randomData(Random &random) {
  return {randomTokens(random, vocabulary + 1), randomTokens(random, vocabulary)};
}

/// The results of a function, and what it leaves in the variables.
std::pair<std::vector<Tensor>, Variables> call(ModuleOp module, llvm::StringRef function,
                                               const Variables &variables,
                                               ArrayRef<Tensor> inputs) {
  Interpreter interpreter(module);
  interpreter.variables = variables;
  auto results = interpreter.call(function, inputs);
  EXPECT_TRUE(succeeded(results));
  return {succeeded(results) ? *results : std::vector<Tensor>(), interpreter.variables};
}

/// Compares the gradients that train_step finds with differences of a loss, at random parameters.
void checkGradients(
    const std::string &text, int samples,
    llvm::function_ref<double(ModuleOp, const Variables &, ArrayRef<Tensor>)> lossOf) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Module module = build(text);
  ASSERT_TRUE(succeeded(runPasses(*module, {addDifferentiate})));
  Random random(seed);
  Variables variables = randomVariables(*module, random);
  std::vector<Tensor> data = randomData(random);
  Variables after = call(*module, "train_step", variables, data).second;

  std::vector<std::pair<std::string, size_t>> entries;
  for (auto variable : module->getOps<stc::VariableOp>())
    if (variable.getRole() == stc::Role::Parameter)
      for (size_t k = 0; k < variables[variable.getSymName().str()].floats.size(); ++k)
        entries.push_back({variable.getSymName().str(), k});
  std::shuffle(entries.begin(), entries.end(), random);
  entries.resize(samples);
  constexpr double step = 1e-5;
  for (const auto &[name, k] : entries) {
    double &x = variables[name].floats[k], original = x;
    x = original + step;
    double above = lossOf(*module, variables, data);
    x = original - step;
    double below = lossOf(*module, variables, data);
    x = original;
    double expected = (above - below) / (2 * step);
    EXPECT_NEAR(after["adam.m." + name].floats[k], expected, 1e-9 + 1e-6 * std::abs(expected))
        << name << " element " << k;
  }
}

double meanOfEval(ModuleOp module, const Variables &variables, ArrayRef<Tensor> data) {
  std::vector<Tensor> results = call(module, "eval", variables, data).first;
  double sum = 0;
  for (double nll : results.at(0).floats)
    sum += nll;
  return sum / double(batch * positions);
}

double lossOfTraining(ModuleOp module, const Variables &variables, ArrayRef<Tensor> data) {
  return call(module, "train_step", variables, data).first.at(0).floats.at(0);
}

/// A training step after some passes, with dropout.
std::pair<std::vector<Tensor>, Variables> trainAfter(std::initializer_list<AddPasses> passes) {
  Module module = build(specText(fixedPattern, 0.25));
  EXPECT_TRUE(succeeded(runPasses(*module, passes)));
  Random random(seed);
  Variables variables = randomVariables(*module, random);
  return call(*module, "train_step", variables, randomData(random));
}

void expectSameTraining(std::initializer_list<AddPasses> passes) {
  auto expected = trainAfter({addDifferentiate}), found = trainAfter(passes);
  ASSERT_EQ(found.first.size(), expected.first.size());
  for (size_t k = 0; k < found.first.size(); ++k)
    expectNear(found.first[k], expected.first[k], 1e-12);
  for (const auto &[name, tensor] : expected.second) {
    SCOPED_TRACE(name);
    expectNear(found.second.at(name), tensor, 1e-12);
  }
}
} // namespace

TEST(Model, GradientMatchesDifferencesOfEval) {
  checkGradients(specText(fixedPattern, 0), 200, meanOfEval);
}

TEST(Model, GradientWithDropoutMatchesDifferencesOfTheLoss) {
  checkGradients(specText(fixedPattern, 0.25), 40, lossOfTraining);
}

TEST(Model, GradientWithPatternsOfHeads) {
  checkGradients(specText("pattern = \"strided(4)\"\nintegration = \"heads\"", 0), 40, meanOfEval);
}

TEST(Model, GradientWithInterleavedPatternsAndEmptyRows) {
  checkGradients(specText("pattern = \"fixed(5, 2)\"\nintegration = \"interleaved\"", 0), 40,
                 meanOfEval);
}

TEST(Model, TrainingLossIsTheMeanOfEval) {
  Module module = build(specText(fixedPattern, 0));
  ASSERT_TRUE(succeeded(runPasses(*module, {addDifferentiate})));
  Random random(seed);
  Variables variables = randomVariables(*module, random);
  std::vector<Tensor> data = randomData(random);
  EXPECT_NEAR(lossOfTraining(*module, variables, data), meanOfEval(*module, variables, data),
              1e-12);
}

TEST(Model, InitGivesLogitsOfZero) {
  Module module = build(specText(fixedPattern, 0));
  Variables start = call(*module, "init", Interpreter(*module).variables, Tensor::scalar(7)).second;
  EXPECT_EQ(start["seed"].integers[0], 7);
  EXPECT_EQ(start["transformer.ln_f.weight"].floats[0], 1);
  Random random(seed);
  // All symbols are equally likely.
  EXPECT_NEAR(meanOfEval(*module, start, randomData(random)), std::log(double(vocabulary)), 1e-12);
}

TEST(Model, SamplingStepByStepIsPrefill) {
  Module module = build(specText("pattern = \"fixed(4, 1)\"\nintegration = \"heads\"", 0));
  Random random(seed);
  Variables variables = randomVariables(*module, random);
  Tensor tokens = randomTokens(random, vocabulary);
  Variables caches = variables;
  for (int64_t position = 0; position < positions; ++position) {
    auto whole =
        call(*module, "sample_prefill", variables, {tokens, Tensor::scalar(position)}).first;
    Tensor column =
        Tensor::of({batch}, std::vector<int64_t>{tokens.integers[position],
                                                 tokens.integers[positions + position]});
    auto [logits, next] = call(*module, "sample_step", caches, {column, Tensor::scalar(position)});
    expectNear(logits.at(0), whole.at(0), 1e-12);
    caches = std::move(next);
  }
}

TEST(Model, FuseSoftmaxChangesNothing) { expectSameTraining({addFuseSoftmax, addDifferentiate}); }

TEST(Model, FuseRowsChangesNothing) {
  expectSameTraining({addFuseSoftmax, addDifferentiate, addFuseRows});
}

TEST(Model, RecomputeOfBlocksChangesNothing) {
  expectSameTraining({addDifferentiate, addRecompute("block")});
  expectSameTraining({addFuseSoftmax, addDifferentiate, addRecompute("block"), addFuseRows});
}

TEST(Model, RecomputeByBudgetChangesNothing) {
  // What is too little names the least.
  std::string error = errorsIn([] {
    Module module = build(specText(fixedPattern, 0.25));
    EXPECT_TRUE(failed(runPasses(*module, {addDifferentiate, addRecompute("budget", 1)})));
  });
  std::smatch least;
  ASSERT_TRUE(std::regex_search(error, least, std::regex("at least ([0-9]+) bytes"))) << error;
  int64_t bytes = std::stoll(least[1]);
  for (double factor : {1.0, 1.05, 1.2})
    expectSameTraining({addDifferentiate, addRecompute("budget", int64_t(factor * bytes))});
  expectSameTraining(
      {addFuseSoftmax, addDifferentiate, addRecompute("budget", bytes), addFuseRows});
}

TEST(Model, RecomputeComputesAgain) {
  auto softmaxes = [](std::initializer_list<AddPasses> passes) {
    Module module = build(specText(fixedPattern, 0.25));
    EXPECT_TRUE(succeeded(runPasses(*module, passes)));
    int64_t count = 0;
    module->lookupSymbol("train_step")->walk([&](stc::SoftmaxOp) { ++count; });
    return count;
  };
  EXPECT_EQ(softmaxes({addDifferentiate}), 2);
  EXPECT_EQ(softmaxes({addDifferentiate, addRecompute("block")}), 4);
}

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
#include <limits>
#include <numbers>

using namespace mlir;
using namespace stc::reference;
using namespace stc::reference::test;

namespace {
constexpr uint64_t seed = 20190423;
constexpr int64_t batch = 2, positions = 16, vocabulary = 11;

/// Lines of the specification's sections.
struct Lines {
  std::string attention = "pattern = \"fixed(4, 1)\"";
  std::string model = "", data = "kind = \"text\"\ncontext = 16", embedding = "";
  // Without a memory of earlier gradients, Adam's first moment is the clipped gradient; and no
  // gradient is so long that it would be clipped. A large epsilon keeps updates from growing out of
  // rounding where the gradient is zero, as it is for the keys' biases.
  std::string train = "clip = 1e30\nbeta1 = 0.0\nepsilon = 0.01";
  std::string steps = "10", precision = "";

  std::string text() const {
    return "[model]\nlayers = 2\nwidth = 8\nheads = 2\nvocabulary = 11\n" + model +
           "\n[attention]\n" + attention + "\n[data]\n" + data + "\n[embedding]\n" + embedding +
           "\n[train]\nbatch = 2\nsteps = " + steps + "\nlearning_rate = 0.01\n" + train +
           "\n[precision]\n" + precision + "\n[sample]\nbatch = 2\n";
  }
};

const Lines withDropout{.train = "clip = 1e30\nbeta1 = 0.0\nepsilon = 0.01\ndropout = 0.25"};
const Lines withHeads{.attention = "pattern = \"strided(4)\"\nintegration = \"heads\"",
                      .model = "query_key_size = 3\nvalue_size = 5\nfeed_forward = 6"};
const Lines withEmptyRows{.attention = "pattern = \"fixed(5, 2)\"\nintegration = \"interleaved\"",
                          .embedding = "kind = \"absolute\""};
const Lines withImages{.attention = "pattern = \"strided(4) | sinks(1)\"",
                       .data = "kind = \"image\"\nshape = [2, 4, 2]"};

Module build(const Lines &lines) {
  auto spec = stc::spec::parseSpec(lines.text(), "tiny.toml");
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
    const Lines &lines, int samples,
    llvm::function_ref<double(ModuleOp, const Variables &, ArrayRef<Tensor>)> lossOf) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Module module = build(lines);
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

/// A training step after some passes.
std::pair<std::vector<Tensor>, Variables> trainAfter(const Lines &lines,
                                                     std::initializer_list<AddPasses> passes) {
  Module module = build(lines);
  EXPECT_TRUE(succeeded(runPasses(*module, passes)));
  Random random(seed);
  Variables variables = randomVariables(*module, random);
  return call(*module, "train_step", variables, randomData(random));
}

void expectSameTraining(const Lines &lines, std::initializer_list<AddPasses> passes) {
  SCOPED_TRACE(lines.text());
  auto expected = trainAfter(lines, {addDifferentiate}), found = trainAfter(lines, passes);
  ASSERT_EQ(found.first.size(), expected.first.size());
  for (size_t k = 0; k < found.first.size(); ++k)
    expectNear(found.first[k], expected.first[k], 1e-12);
  for (const auto &[name, tensor] : expected.second) {
    SCOPED_TRACE(name);
    expectNear(found.second.at(name), tensor, 1e-12);
  }
}

void expectSameTraining(std::initializer_list<AddPasses> passes) {
  for (const Lines &lines : {withDropout, withHeads, withEmptyRows, withImages})
    expectSameTraining(lines, passes);
}
} // namespace

TEST(Model, GradientMatchesDifferencesOfEval) { checkGradients(Lines(), 200, meanOfEval); }

TEST(Model, GradientWithDropoutMatchesDifferencesOfTheLoss) {
  checkGradients(withDropout, 40, lossOfTraining);
}

TEST(Model, GradientWithPatternsOfHeads) { checkGradients(withHeads, 60, meanOfEval); }

TEST(Model, GradientWithInterleavedPatternsAndEmptyRows) {
  checkGradients(withEmptyRows, 60, meanOfEval);
}

TEST(Model, GradientOfAModelOfImages) { checkGradients(withImages, 60, meanOfEval); }

TEST(Model, TrainingLossIsTheMeanOfEval) {
  Module module = build(Lines());
  ASSERT_TRUE(succeeded(runPasses(*module, {addDifferentiate})));
  Random random(seed);
  Variables variables = randomVariables(*module, random);
  std::vector<Tensor> data = randomData(random);
  EXPECT_NEAR(lossOfTraining(*module, variables, data), meanOfEval(*module, variables, data),
              1e-12);
}

// Adam as its authors write it, from the gradient that another module finds. The module's constants
// are float32.
TEST(Model, UpdateIsAdamWithClippingAndDecay) {
  Module module = build({.train = "clip = 0.05\nbeta1 = 0.8\nbeta2 = 0.9\nepsilon = 1e-4\n"
                                  "weight_decay = 0.1\nwarmup = 4"});
  Module plain = build(Lines());
  for (ModuleOp either : {*module, *plain})
    ASSERT_TRUE(succeeded(runPasses(either, {addDifferentiate})));
  Random random(seed);
  Variables variables = randomVariables(*module, random);
  for (auto &[name, tensor] : variables)
    if (name.starts_with("adam."))
      tensor = uniform(tensor.shape, random, 0, 0.1);
  std::vector<Tensor> data = randomData(random);
  Variables gradients = call(*plain, "train_step", variables, data).second;
  double squares = 0;
  for (auto &[name, tensor] : gradients)
    if (name.starts_with("adam.m."))
      for (double gradient : tensor.floats)
        squares += gradient * gradient;
  double norm = std::sqrt(squares), clip = 0.05 / norm;
  ASSERT_GT(norm, 0.1);

  // Step 3 of a warm-up of 4; its end, and the next one, where the cosine begins; steps 9 and 10 of
  // the 10, two thirds and five sixths of the cosine: the last one learns, too. None does after it.
  auto cosine = [](double part) { return 0.01 * (1 + std::cos(part * std::numbers::pi)) / 2; };
  for (auto [step, rate] : {std::pair(3, 0.01 * 3 / 4), std::pair(4, 0.01), std::pair(5, 0.01),
                            std::pair(9, cosine(4. / 6)), std::pair(10, cosine(5. / 6)),
                            std::pair(11, 0.), std::pair(50, 0.)}) {
    variables["step"] = Tensor::scalar(step - 1);
    auto [results, after] = call(*module, "train_step", variables, data);
    EXPECT_NEAR(results.at(1).floats[0], norm, 1e-12);
    EXPECT_NEAR(results.at(2).floats[0], rate, 1e-8);
    EXPECT_EQ(after["step"].integers[0], step);
    for (auto &[name, start] : variables) {
      if (!after.contains("adam.m." + name))
        continue;
      SCOPED_TRACE(name);
      Tensor m = variables["adam.m." + name], v = variables["adam.v." + name], w = start;
      double decay = w.shape.size() > 1 ? 0.1 : 0;
      for (size_t k = 0; k < w.floats.size(); ++k) {
        double gradient = clip * gradients["adam.m." + name].floats[k];
        m.floats[k] = 0.8 * m.floats[k] + 0.2 * gradient;
        v.floats[k] = 0.9 * v.floats[k] + 0.1 * gradient * gradient;
        double mean = m.floats[k] / (1 - std::pow(0.8, step)),
               square = v.floats[k] / (1 - std::pow(0.9, step));
        w.floats[k] -= rate * (mean / (std::sqrt(square) + 1e-4) + decay * w.floats[k]);
      }
      expectNear(after["adam.m." + name], m, 1e-6);
      expectNear(after["adam.v." + name], v, 1e-6);
      expectNear(after[name], w, 1e-6);
    }
  }
}

TEST(Model, OneStepIsAtTheHighestRate) {
  Module module = build(Lines{.steps = "1"});
  ASSERT_TRUE(succeeded(runPasses(*module, {addDifferentiate})));
  Random random(seed);
  Variables variables = randomVariables(*module, random);
  variables["step"] = Tensor::scalar(0);
  auto results = call(*module, "train_step", variables, randomData(random)).first;
  EXPECT_NEAR(results.at(2).floats[0], 0.01, 1e-8);
}

// The scale doubles after 2,000 good steps, up to 2^24; one that is infinite comes back.
TEST(Model, TheLossScaleHasACeiling) {
  Module module = build(Lines{.precision = "compute = \"float16\""});
  ASSERT_TRUE(succeeded(runPasses(*module, {addDifferentiate})));
  Random random(seed);
  Variables variables = randomVariables(*module, random);
  std::vector<Tensor> data = randomData(random);
  auto next = [&](double scale, int64_t goodSteps) {
    variables["loss_scale"] = Tensor::of({}, std::vector<double>{scale});
    variables["good_steps"] = Tensor::scalar(goodSteps);
    return call(*module, "train_step", variables, data).second["loss_scale"].floats[0];
  };
  EXPECT_EQ(next(65536, 1998), 65536);
  EXPECT_EQ(next(65536, 1999), 131072);
  EXPECT_EQ(next(1 << 23, 1999), 1 << 24);
  EXPECT_EQ(next(1 << 24, 1999), 1 << 24);
  EXPECT_EQ(next(std::numeric_limits<double>::infinity(), 0), 1 << 24);
}

TEST(Model, InitGivesLogitsOfZero) {
  Module module = build(Lines());
  Variables start = call(*module, "init", Interpreter(*module).variables, Tensor::scalar(7)).second;
  EXPECT_EQ(start["seed"].integers[0], 7);
  EXPECT_EQ(start["transformer.ln_f.weight"].floats[0], 1);
  Random random(seed);
  // All symbols are equally likely.
  EXPECT_NEAR(meanOfEval(*module, start, randomData(random)), std::log(double(vocabulary)), 1e-12);
}

TEST(Model, SamplingStepByStepIsPrefill) {
  Module module = build(withHeads);
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

TEST(Model, RecomputeOfTheCheapestChangesNothing) {
  constexpr int64_t all = 1000;
  for (int64_t drop : {int64_t(1), int64_t(5), int64_t(12), all})
    expectSameTraining(withDropout, {addDifferentiate, addRecompute("cheapest", drop)});
  expectSameTraining(
      withDropout, {addFuseSoftmax, addDifferentiate, addRecompute("cheapest", all), addFuseRows});
}

TEST(Model, RecomputeComputesAgain) {
  auto softmaxes = [](std::initializer_list<AddPasses> passes) {
    Module module = build(withDropout);
    EXPECT_TRUE(succeeded(runPasses(*module, passes)));
    int64_t count = 0;
    module->lookupSymbol("train_step")->walk([&](stc::SoftmaxOp) { ++count; });
    return count;
  };
  EXPECT_EQ(softmaxes({addDifferentiate}), 2);
  EXPECT_EQ(softmaxes({addDifferentiate, addRecompute("block")}), 4);
}

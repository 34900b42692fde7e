//===- ModelTest.cpp - compiled models against the reference --------------===//
//
// Whole programs as a person trains and samples them: steps of training under each recomputation
// policy, evaluation, and sampling position by position against the full forward pass.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/Compiled.h"

#include "compiler/Model/Model.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

using namespace mlir;
using namespace stc;
using namespace stc::test;
using reference::Tensor;

namespace {
constexpr int64_t batch = 2;

/// Sections of a specification that differ from test to test.
struct Lines {
  const char *name, *attention = "pattern = \"fixed(8, 2)\"", *model = "heads = 2",
                    *memory = "recompute = \"none\"", *data = "kind = \"text\"", *train = "",
                    *precision = "float32";
  int64_t width = 24, positions = 40, vocabulary = 19;
  double tolerance = 1e-5; ///< of losses, logits and weights, relative

  std::string text() const {
    // A large epsilon: without it, Adam blows the rounding of gradients that are zero up to whole
    // steps.
    return "[model]\nlayers = 2\nwidth = " + std::to_string(width) +
           "\nvocabulary = " + std::to_string(vocabulary) + "\n" + model + "\n[attention]\n" +
           attention + "\n[data]\n" + data + "\ncontext = " + std::to_string(positions) +
           "\n[memory]\n" + memory +
           "\n[train]\nbatch = 2\nsteps = 10\nlearning_rate = 0.01\nwarmup = 2\nepsilon = 0.01\n" +
           train + "\n[precision]\ncompute = \"" + precision + "\"\n[sample]\nbatch = 2\n";
  }
};
std::ostream &operator<<(std::ostream &out, const Lines &lines) { return out << lines.name; }

const Lines models[] = {
    {.name = "fixed"},
    {.name = "strided_heads",
     .attention = "pattern = \"strided(8)\"\nintegration = \"heads\"",
     .model = "heads = 2\nquery_key_size = 8\nvalue_size = 20\nfeed_forward = 36"},
    {.name = "interleaved_empty_rows",
     .attention = "pattern = \"fixed(5, 2)\"\nintegration = \"interleaved\""},
    {.name = "ragged_blocks",
     .attention = "pattern = \"fixed(5, 2)\"",
     .positions = 67,
     .vocabulary = 300},
    {.name = "blocks_of_one", .attention = "pattern = \"block(1)\"", .vocabulary = 2},
    {.name = "one_position", .attention = "pattern = \"local(1)\"", .positions = 1},
    {.name = "all_of_one",
     .attention = "pattern = \"block(1)\"",
     .model = "heads = 1",
     .width = 1,
     .positions = 1,
     .vocabulary = 2},
    {.name = "grouped_heads", .model = "heads = 4\nkey_value_heads = 2"},
    {.name = "grouped_heads_of_patterns",
     .attention = "pattern = \"strided(8)\"\nintegration = \"heads\"",
     .model = "heads = 6\nkey_value_heads = 2\nquery_key_size = 8\nvalue_size = 20"},
    {.name = "by_head",
     .attention = "pattern = \"fixed_by_head(6, 2)\"",
     .model = "heads = 6\nquery_key_size = 8\nvalue_size = 20"},
    {.name = "image",
     .attention = "pattern = \"strided(10) | sinks(1)\"",
     .data = "kind = \"image\"\nshape = [2, 10, 2]"},
    {.name = "dropout", .train = "dropout = 0.25"},
    {.name = "recompute_block", .memory = "recompute = \"block\"", .train = "dropout = 0.25"},
    {.name = "recompute_budget", .memory = "recompute = \"budget\"\nbudget = \"460 KiB\""},
    {.name = "bfloat16", .precision = "bfloat16", .tolerance = 3e-2},
    {.name = "float16", .precision = "float16", .tolerance = 4e-3},
};

/// The program of a specification; each is compiled once.
Compiled *programOf(const Lines &lines) {
  MLIRContext &outlives = context(); // what is made first is destroyed last
  static std::map<std::string, std::unique_ptr<Compiled>> programs;
  auto [entry, added] = programs.try_emplace(lines.name);
  if (!added)
    return entry->second.get();
  auto spec = spec::parseSpec(lines.text(), "model.toml");
  if (!spec) {
    ADD_FAILURE() << spec.error()[0].str();
    return nullptr;
  }
  constexpr const char *policies[] = {"none", "block", "budget"},
                       *types[] = {"f32", "f32", "bf16", "f16"}; // auto, on a CPU
  CompileOptions options = optionsForHost();
  options.precision = types[static_cast<int>(spec->precision.compute)];
  options.recompute = policies[static_cast<int>(spec->memory.recompute)];
  options.budget = spec->memory.budget;
  OwningOpRef<ModuleOp> module = model::build(*spec, &outlives);
  entry->second = Compiled::create(*module, options);
  return entry->second.get();
}

class Models : public testing::TestWithParam<Lines> {
protected:
  void SetUp() override {
    compiled = programOf(GetParam());
    ASSERT_TRUE(compiled);
    for (auto role : {program::Role::Parameter, program::Role::Optimizer, program::Role::Counter})
      for (const std::string &name : compiled->variablesOf(role)) {
        Tensor value = compiled->variable(name).expected[0];
        llvm::fill(value.integers, 0);
        // Parameters at random, so that no gradient is zero by chance.
        double width = role == program::Role::Parameter ? 0.5 : 0;
        std::uniform_real_distribution<float> uniform(-width, width);
        llvm::for_each(value.floats, [&](double &element) { element = uniform(random); });
        compiled->set(name, value);
      }
    compiled->set("seed", Tensor::scalar(42));
    // A scale at which gradients of these parameters do not overflow.
    if (hasLossScale())
      compiled->set("loss_scale", Tensor::of({}, std::vector<double>{64}));
  }

  bool hasLossScale() {
    return llvm::is_contained(compiled->variablesOf(program::Role::Counter), "loss_scale");
  }

  Tensor tokens(std::vector<int64_t> shape, int64_t symbols) {
    std::vector<int64_t> values(
        std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies()));
    for (int64_t &value : values)
      value = std::uniform_int_distribution<int64_t>(0, symbols - 1)(random);
    return Tensor::of(std::move(shape), std::move(values));
  }

  const double tolerance = GetParam().tolerance;
  const int64_t positions = GetParam().positions, vocabulary = GetParam().vocabulary;
  std::mt19937_64 random{20190423};
  Compiled *compiled = nullptr;
};

TEST_P(Models, Train) {
  for (int step = 0; step < 3; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    // The start symbol is one more than the vocabulary.
    Results results = compiled->call("train_step", {tokens({batch, positions}, vocabulary + 1),
                                                    tokens({batch, positions}, vocabulary)});
    EXPECT_LT(results.worstError(), tolerance);
    // The first moment is the gradient, by and large.
    Results moments;
    for (const std::string &name : compiled->variablesOf(program::Role::Optimizer)) {
      if (name.starts_with("adam.m.")) {
        Results moment = compiled->variable(name);
        moments.found.push_back(moment.found[0]);
        moments.expected.push_back(moment.expected[0]);
      }
    }
    EXPECT_LT(moments.worstError(), 2 * tolerance);
    for (const std::string &name : compiled->variablesOf(program::Role::Parameter))
      EXPECT_LT(compiled->variable(name).worstError(), tolerance) << name;
    for (const std::string &name : compiled->variablesOf(program::Role::Counter))
      EXPECT_EQ(compiled->variable(name).worstError(), 0) << name;
  }
}

TEST_P(Models, Evaluate) {
  Results results = compiled->call(
      "eval", {tokens({batch, positions}, vocabulary + 1), tokens({batch, positions}, vocabulary)});
  EXPECT_LT(results.worstError(), tolerance);
}

TEST_P(Models, SampleStepByStep) {
  Tensor sequence = tokens({batch, positions}, vocabulary + 1);
  const int64_t start = std::min<int64_t>(5, positions); // those that come with the prompt
  EXPECT_LT(
      compiled->call("sample_prefill", {sequence, Tensor::of({}, std::vector<int64_t>{start - 1})})
          .worstError(),
      tolerance);
  for (int64_t position = start; position < positions; ++position) {
    SCOPED_TRACE("position " + std::to_string(position));
    std::vector<int64_t> column;
    for (int64_t b = 0; b < batch; ++b)
      column.push_back(sequence.integers[b * positions + position]);
    Tensor at = Tensor::of({}, std::vector<int64_t>{position});
    Results step = compiled->call("sample_step", {Tensor::of({batch}, column), at});
    EXPECT_LT(step.worstError(), tolerance);
    // The full forward pass, of the reference, gives the same logits.
    Results full = compiled->call("sample_prefill", {sequence, at});
    EXPECT_LT((Results{step.found, full.expected}.worstError()), tolerance);
  }
}

class Float16 : public Models {};

/// A step whose gradients overflow leaves all but the scale and the counters alone.
TEST_P(Float16, SkipAStepThatOverflows) {
  compiled->set("loss_scale", Tensor::of({}, std::vector<double>{1e6}));
  std::string name = compiled->variablesOf(program::Role::Parameter)[0];
  std::vector<double> before = compiled->variable(name).found[0].floats;
  compiled->call("train_step",
                 {tokens({batch, positions}, vocabulary), tokens({batch, positions}, vocabulary)});
  EXPECT_EQ(compiled->variable(name).found[0].floats, before);
  EXPECT_EQ(compiled->variable("loss_scale").found[0].floats[0], 5e5);
  EXPECT_EQ(compiled->variable("step").found[0].integers[0], 1);
}

INSTANTIATE_TEST_SUITE_P(All, Models, testing::ValuesIn(models),
                         [](const auto &info) { return std::string(info.param.name); });
INSTANTIATE_TEST_SUITE_P(All, Float16, testing::Values(std::end(models)[-1]),
                         [](const auto &info) { return std::string(info.param.name); });
} // namespace

//===- BudgetTest.cpp - recomputation that keeps to a budget --------------===//
//
// Random small models. STC_TEST_SEED=<seed> runs one case alone, STC_TEST_CASES=<count> more of
// them.
//
//===----------------------------------------------------------------------===//

#include "compiler/Model/Model.h"
#include "compiler/Pipeline/Compile.h"
#include "dialects/Plan/Plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

using namespace mlir;
using namespace stc;

namespace {

MLIRContext &context() {
  static MLIRContext context([] {
    DialectRegistry registry;
    registerCompiler(registry);
    return registry;
  }());
  return context;
}

/// What a compilation up to the plan came to.
struct Outcome {
  int64_t bytes = 0; ///< of the arena, 0 where there is an error
  std::string error;
  int line = 0, column = 0;
};

Outcome planOf(const std::string &model, const char *policy, int64_t budget = 0,
               const char *device = "host") {
  Outcome outcome;
  auto spec =
      spec::parseSpec(fmt::format("[memory]\nrecompute = \"{}\"\n{}{}", policy,
                                  budget ? fmt::format("budget = {}\n", budget) : "", model),
                      "model.toml");
  if (!spec) {
    ADD_FAILURE() << spec.error()[0].str() << "\n" << model;
    return outcome;
  }
  constexpr const char *types[] = {"f32", "f32", "bf16", "f16"};
  CompileOptions options{HostTarget::create(HostTarget::defaultCpu()).value()};
  options.target = device;
  options.precision = types[static_cast<int>(spec->precision.compute)];
  options.recompute = policy;
  options.budget = spec->memory.budget;
  options.budgetPlace =
      FileLineColLoc::get(&context(), spec->file, spec->budgetLine, spec->budgetColumn);
  ScopedDiagnosticHandler handler(&context(), [&](Diagnostic &diagnostic) {
    outcome.error += diagnostic.str();
    if (auto place = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
      outcome.line = place.getLine(), outcome.column = place.getColumn();
    return success();
  });
  OwningOpRef<ModuleOp> module = model::build(*spec, &context());
  if (succeeded(runPhases(*module, options, "plan")))
    outcome.bytes = (*module->getOps<plan::ArenaOp>().begin()).getBytes();
  return outcome;
}

/// A specification but for [memory].
std::string randomModel(std::mt19937_64 &random) {
  auto pick = [&](auto... choices) {
    std::array all = {std::string(choices)...};
    return all[std::uniform_int_distribution<size_t>(0, all.size() - 1)(random)];
  };
  auto number = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  int64_t heads = number(1, 4);
  return fmt::format(
      "[model]\nlayers = {}\nwidth = {}\nheads = {}\nvalue_size = {}\nquery_key_size = {}\n"
      "feed_forward = {}\n[attention]\npattern = {}\n[data]\nkind = \"text\"\ncontext = {}\n"
      "[train]\nbatch = {}\nsteps = 5\nlearning_rate = 0.003\ndropout = {}\n"
      "[precision]\ncompute = \"{}\"\n[sample]\nbatch = {}\n",
      number(2, 4), heads * number(2, 16), heads, number(1, 34), number(1, 20), number(8, 120),
      pick("\"fixed(8, 2)\"", "\"strided(6)\"", "\"dense\"", "\"stride(5)\"",
           "[\"local(16)\", \"stride(16)\"]\nintegration = \"interleaved\""),
      number(32, 130), number(1, 2), pick("0.0", "0.25"), pick("float32", "bfloat16"),
      number(1, 3));
}

/// The budget keeps its word in both ways: what is compiled fits, and what is refused is less than
/// the bytes that the error says, which are enough, and one less is not.
void expectKept(const std::string &model, int64_t budget, int64_t enough,
                const char *device = "host") {
  SCOPED_TRACE(fmt::format("budget = {}", budget));
  Outcome found = planOf(model, "budget", budget, device);
  if (found.error.empty()) {
    EXPECT_LE(found.bytes, budget);
    return;
  }
  const std::string start = "expected a memory budget of at least ",
                    end = fmt::format(" bytes, found {}", budget);
  ASSERT_TRUE(found.error.starts_with(start) && found.error.ends_with(end)) << found.error;
  EXPECT_EQ(found.line, 3);
  EXPECT_EQ(found.column, 10);
  int64_t least = std::stoll(found.error.substr(start.size()));
  EXPECT_GT(least, budget);
  EXPECT_LE(least, enough);
  Outcome fits = planOf(model, "budget", least, device);
  EXPECT_EQ(fits.error, "");
  EXPECT_LE(fits.bytes, least);
  EXPECT_EQ(planOf(model, "budget", least - 1, device).error,
            fmt::format("{}{} bytes, found {}", start, least, least - 1));
}

TEST(Budget, IsKept) {
  constexpr uint64_t firstSeed = 20190423;
  auto environmentNumber = [](const char *name, uint64_t otherwise) {
    const char *text = std::getenv(name);
    return text ? uint64_t(std::atoll(text)) : otherwise;
  };
  uint64_t count = environmentNumber("STC_TEST_CASES", 3);
  uint64_t only = environmentNumber("STC_TEST_SEED", 0);
  for (uint64_t k = 0; k < count && !HasFailure(); ++k) {
    if (only && only != firstSeed + k)
      continue;
    std::mt19937_64 random(firstSeed + k);
    std::string model = randomModel(random);
    SCOPED_TRACE(fmt::format("STC_TEST_SEED={}\n{}", firstSeed + k, model));
    int64_t none = planOf(model, "none").bytes, block = planOf(model, "block").bytes;
    ASSERT_GT(std::min(none, block), 0);
    for (int64_t enough : {none, block})
      EXPECT_LE(planOf(model, "budget", enough).bytes, enough);
    EXPECT_GT(planOf(model, "budget", std::min(none, block)).bytes, 0);
    std::uniform_int_distribution<int64_t> around(std::min(none, block) / 2, none);
    for (int k = 0; k < 2; ++k)
      expectKept(model, around(random), std::min(none, block));
    expectKept(model, 1, std::min(none, block));
  }
}

// Whose kernels need other buffers, and whose precision is bfloat16.
TEST(Budget, IsKeptOnAGpu) {
  const std::string model =
      "[model]\nlayers = 6\nwidth = 16\nheads = 2\n[attention]\npattern = \"block(8)\"\n"
      "[data]\nkind = \"text\"\ncontext = 64\n[train]\nbatch = 2\nsteps = 5\n"
      "learning_rate = 0.003\n[precision]\ncompute = \"bfloat16\"\n";
  const char *device = "sm_80";
  int64_t none = planOf(model, "none", 0, device).bytes,
          block = planOf(model, "block", 0, device).bytes;
  ASSERT_GT(none, block);
  expectKept(model, 1, block, device);
  expectKept(model, (none + block) / 2, block, device);
}

} // namespace

//===- SamplerTest.cpp - drawing bytes ------------------------------------------------------===//
#include "runtime/Sample/Sampler.h"
#include "runtime/Checkpoint/Variables.h"
#include "runtime/Device/Host/Executor.h"
#include "runtime/Support/Philox.h"
#include "tests/unit/Runtime/MockModel.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The known answers of the paper's own implementation (Random123, kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_THAT(philox({0, 0, 0, 0}, 0), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(philox({~0u, ~0u, ~0u, ~0u}, ~0ull),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
}

std::vector<double> frequencies(std::span<const float> logits, const SamplingOptions &options) {
  std::vector<double> counts(logits.size());
  constexpr int draws = 20000;
  for (int i = 0; i < draws; ++i)
    counts[*choose(logits, options, (i + 0.5) / draws)] += 1.0 / draws;
  return counts;
}

TEST(Choose, FollowsTheDistribution) {
  const float logits[] = {std::log(0.1f), std::log(0.4f), std::log(0.3f), std::log(0.2f)};
  auto near = [](std::vector<double> values) {
    std::vector<testing::Matcher<double>> all;
    for (double value : values)
      all.push_back(testing::DoubleNear(value, 1e-3));
    return testing::ElementsAreArray(all);
  };
  EXPECT_THAT(frequencies(logits, {}), near({0.1, 0.4, 0.3, 0.2}));
  EXPECT_THAT(frequencies(logits, {0}), near({0, 1, 0, 0}));
  EXPECT_THAT(frequencies(logits, {0.5}), near({0.01 / 0.3, 0.16 / 0.3, 0.09 / 0.3, 0.04 / 0.3}));
  EXPECT_THAT(frequencies(logits, {1, 2}), near({0, 4 / 7.0, 3 / 7.0, 0}));
  EXPECT_THAT(frequencies(logits, {1, 9}), near({0.1, 0.4, 0.3, 0.2}));
  EXPECT_THAT(frequencies(logits, {1, 0, 0.75}), near({0, 4 / 9.0, 3 / 9.0, 2 / 9.0}));
  EXPECT_THAT(frequencies(logits, {1, 0, 0.65}), near({0, 4 / 7.0, 3 / 7.0, 0}));
  EXPECT_THAT(frequencies(logits, {1, 0, 0}), near({0, 1, 0, 0}));
  EXPECT_THAT(frequencies(logits, {1, 1, 0.99}), near({0, 1, 0, 0}));
  const float ties[] = {1, 1, 1};
  EXPECT_THAT(frequencies(ties, {1, 2}), near({0.5, 0.5, 0}));
  EXPECT_EQ(*choose(ties, {0}, 0.9), 0);
}

TEST(Choose, RefusesWhatIsNoDistribution) {
  const float nan[] = {1, NAN}, infinite[] = {1, INFINITY}, none[] = {-INFINITY, -INFINITY},
              masked[] = {-INFINITY, 2};
  EXPECT_FALSE(choose(nan, {}, 0.5));
  EXPECT_FALSE(choose(infinite, {}, 0.5));
  EXPECT_FALSE(choose(none, {}, 0.5));
  EXPECT_FALSE(choose({}, {}, 0.5));
  EXPECT_EQ(*choose(masked, {}, 0.0), 1);
}

TEST(Choose, ATinyTemperatureIsNone) {
  const float logits[] = {1, 3, 3, 2};
  for (double temperature : {1e-320, 1e-300})
    for (double u : {0.0, 0.4})
      EXPECT_EQ(*choose(logits, {temperature}, u), 1);
  EXPECT_EQ(*choose(logits, {1e-320}, 0.99), 1);
}

class SamplerTest : public testing::Test {
protected:
  void load(const ProgramSpec &spec) {
    file = ProgramFile::open(spec.write("m.stcp"));
    ASSERT_TRUE(file) << file.error().message;
    executor = std::move(*HostExecutor::create(file->program(), pool));
    ASSERT_TRUE(initialize(*executor, 1));
  }

  std::vector<std::string> sample(const std::string &prompt, int64_t length, uint64_t seed,
                                  int64_t first = 0, SamplingOptions options = {}) {
    auto sampler = Sampler::create(*executor);
    if (!sampler) {
      error = sampler.error().message;
      return {};
    }
    std::vector<std::string> texts(sampler->batch());
    auto run = sampler->run({reinterpret_cast<const uint8_t *>(prompt.data()), prompt.size()},
                            length, options, seed, first,
                            [&](const DrawnByte &drawn) { texts[drawn.row] += char(drawn.byte); });
    error = run ? "" : run.error().message;
    return texts;
  }

  Result<ProgramFile> file = fail("");
  ThreadPool pool{2};
  std::unique_ptr<HostExecutor> executor;
  std::string error;
};

TEST_F(SamplerTest, SameSeedSameBytes) {
  load(mockModel());
  auto first = sample("abc", 20, 7);
  ASSERT_EQ(error, "");
  EXPECT_EQ(first[0].size(), 20u);
  EXPECT_NE(first[0], first[1]);
  EXPECT_EQ(sample("abc", 20, 7), first);
  EXPECT_NE(sample("abc", 20, 8), first);
  // A shorter sample is the start of the longer one; a sequence does not depend on its neighbours.
  EXPECT_EQ(sample("abc", 5, 7)[0], first[0].substr(0, 5));
  EXPECT_EQ(sample("abc", 20, 7, 1)[0], first[1]);
}

TEST_F(SamplerTest, PrefillAndStepsAgree) {
  std::string prompt = "a prompt of many";
  load(mockModel());
  auto prefilled = sample(prompt, 10, 3);
  ProgramSpec spec = mockModel();
  spec.entries.pop_back();
  load(spec);
  EXPECT_EQ(sample(prompt, 10, 3), prefilled);
  EXPECT_EQ(error, "");
}

// What sampling says of its bytes is what evaluation says of them, whatever the options.
TEST_F(SamplerTest, LikelihoodIsThatOfEvaluation) {
  load(mockHistoryModel());
  auto sampler = Sampler::create(*executor);
  ASSERT_TRUE(sampler);
  std::vector<std::string> texts(mockBatch, "abc");
  std::vector<std::vector<double>> nats(mockBatch, std::vector<double>(3));
  ASSERT_TRUE(sampler->run(std::span(reinterpret_cast<const uint8_t *>("abc"), 3), mockContext - 3,
                           {0.7, 20, 0.8}, 5, 0, [&](const DrawnByte &drawn) {
                             texts[drawn.row] += static_cast<char>(drawn.byte);
                             nats[drawn.row].push_back(drawn.nats);
                           }));
  const program::Entry &eval = *file->program().entries()->Get(2);
  auto tokens = executor->elements<int32_t>(*eval.inputs()->Get(0));
  auto targets = executor->elements<int32_t>(*eval.inputs()->Get(1));
  for (int64_t row = 0; row < mockBatch; ++row)
    for (int64_t i = 0; i < mockContext; ++i) {
      tokens[row * mockContext + i] = i == 0 ? 256 : static_cast<uint8_t>(texts[row][i - 1]);
      targets[row * mockContext + i] = static_cast<uint8_t>(texts[row][i]);
    }
  executor->run(2);
  auto expected = executor->elements<float>(*eval.outputs()->Get(0));
  for (int64_t row = 0; row < mockBatch; ++row)
    for (int64_t i = 3; i < mockContext; ++i)
      EXPECT_NEAR(nats[row][i], expected[row * mockContext + i], 1e-4);
}

// Beyond the context, a byte comes from a new window of the last half of the one before.
TEST_F(SamplerTest, TheWindowSlides) {
  load(mockModel());
  auto whole = sample("abc", 100, 7);
  ASSERT_EQ(error, "");
  EXPECT_EQ(whole[1].size(), 100u);
  EXPECT_EQ(whole[0].substr(0, 29), sample("abc", 29, 7)[0]); // what the first window gives
  // The model's logits depend on all bytes of its window, so that another window is seen in them.
  const int64_t half = mockContext / 2;
  for (int64_t row = 0; row < mockBatch; ++row) {
    std::string text = "abc" + whole[row];
    for (int64_t end = mockContext; end + half <= 100; end += mockContext - half) {
      // A prompt that fills the context is cut to its last half.
      auto next = sample(text.substr(0, end), half, 7);
      EXPECT_EQ(next[row], text.substr(end, half)) << row << " " << end;
    }
  }
}

// For a model of 128 symbols, row 128 of the embedding is that of the start.
TEST_F(SamplerTest, AVocabularyOfAnySize) {
  ProgramSpec spec = mockModel();
  spec.settings.emplace_back("model.vocabulary", "128");
  load(spec);
  auto texts = sample("abc", 29, 7, 0, {4});
  ASSERT_EQ(error, "");
  for (char c : texts[0])
    EXPECT_LT(static_cast<uint8_t>(c), 128);
  auto executorTokens = [&](uint32_t entry) {
    return executor->elements<int32_t>(*file->program().entries()->Get(entry)->inputs()->Get(0))[0];
  };
  sample("", 1, 7);
  EXPECT_EQ(executorTokens(3), 128);
  sample(std::string(20, 'x'), 1, 7);
  EXPECT_EQ(executorTokens(4), 128);
  sample("ab\xc8", 1, 0);
  EXPECT_EQ(error, "the prompt: expected bytes below the model's vocabulary of 128, found 200 at "
                   "offset 2");
  spec.settings.back().second = "300";
  load(spec);
  sample("", 1, 0);
  EXPECT_EQ(error, "entry 'sample_step': expected logits of the 300 symbols of the vocabulary, "
                   "found 257");
  spec.settings.back().second = "-1";
  load(spec);
  sample("", 1, 0);
  EXPECT_EQ(error, "expected a size as setting 'model.vocabulary', found -1");
}

TEST_F(SamplerTest, TheStartSymbolIsNeverDrawn) {
  load(mockModel()); // whose most likely symbol it is
  EXPECT_EQ(sample("", 32, 3, 0, {0})[0].size(), 32u);
}

TEST_F(SamplerTest, SaysWhatDoesNotFit) {
  load(mockModel());
  ProgramSpec spec = mockModel();
  spec.entries[3].inputs[1].dtype = DType::F32;
  load(spec);
  sample("", 1, 0);
  EXPECT_EQ(error, "entry 'sample_step': expected input 'position' i32[], found f32[]");
  spec = mockModel();
  spec.entries.erase(spec.entries.begin() + 3);
  load(spec);
  sample("", 1, 0);
  EXPECT_EQ(error, "program 'test' has no entry 'sample_step'");
}

} // namespace
} // namespace stc::runtime::test

//===- TrainingSamplesTest.cpp - samples of a model while it trains ---------------------------===//
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/MockModel.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class TrainingSamplesTest : public testing::Test {
protected:
  TrainingSamplesTest() {
    writeFile(data, mockData(20000));
    fs::remove_all(folder);
    fs::remove_all(other);
  }

  Outcome train(const std::string &model, std::vector<std::string> more) {
    more.insert(more.begin(), {"train", model, "--data", data, "--threads", "1"});
    return run(std::move(more));
  }
  std::vector<std::string> samples() const {
    std::vector<std::string> names;
    for (const fs::directory_entry &entry : fs::directory_iterator(folder + "/samples"))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  std::string sample(const std::string &name) const {
    return readFile(folder + "/samples/" + name);
  }
  // The mock model of images [4, 8, 1] or sounds.
  static std::string modelOf(const std::string &kind) {
    ProgramSpec spec = mockHistoryModel();
    spec.settings[0].second = kind;
    spec.settings.push_back({"data.shape", "[4, 8, 1]"});
    spec.settings.push_back({"data.rate", "8000"});
    return spec.write(kind + ".stcp");
  }

  std::string program = mockHistoryModel().write("model.stcp"), data = temporaryPath("text"),
              folder = temporaryPath("run"), other = temporaryPath("other");
};

TEST_F(TrainingSamplesTest, AreWrittenAndChangeNothing) {
  Outcome trained = train(program, {"--out", folder, "--steps", "25", "--sample-every", "10",
                                    "--sample-prompt", "ab", "--eval-every", "10"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_THAT(samples(),
              ElementsAre("step-00000010.txt", "step-00000020.txt", "step-00000025.txt"));
  // A batch of two, each with the prompt and what the window of 32 has room for.
  std::string last = sample("step-00000025.txt");
  EXPECT_THAT(last, AllOf(StartsWith("--- sample 1\nab"), HasSubstr("\n--- sample 2\nab")));
  EXPECT_EQ(last.size(), 2 * (13 + 32 + 1u));
  EXPECT_THAT(trained.out, HasSubstr("step 20: sampled 'ab"));
  // What it draws is what sample draws with these weights.
  Outcome sampled = run({"sample", program, "--weights", folder + "/weights.safetensors",
                         "--prompt", "ab", "--count", "2", "--out", other + ".txt"});
  ASSERT_EQ(sampled.code, 0) << sampled.err;
  EXPECT_EQ(readFile(other + ".txt"), last);

  ASSERT_EQ(train(program, {"--out", other, "--steps", "25"}).code, 0);
  EXPECT_EQ(readFile(other + "/weights.safetensors"), readFile(folder + "/weights.safetensors"));
  EXPECT_FALSE(fs::exists(other + "/samples"));

  // The report shows them, the last one first.
  ASSERT_EQ(run({"report", folder}).code, 0);
  EXPECT_THAT(readFile(folder + "/report.html"),
              AllOf(HasSubstr("<h3>step-00000025.txt</h3>"), HasSubstr("2 from earlier steps")));
}

TEST_F(TrainingSamplesTest, OfStepsThatAreTakenAgainGo) {
  ASSERT_EQ(train(program,
                  {"--out", folder, "--steps", "20", "--save-every", "10", "--sample-every", "10"})
                .code,
            0);
  writeFile(folder + "/samples/mine.txt", "mine");
  writeFile(folder + "/samples/step-one.txt", "mine, too");
  fs::remove_all(folder + "/checkpoints/step-00000020");
  ASSERT_EQ(train(program, {"--out", folder, "--steps", "15", "--resume"}).code, 0);
  EXPECT_THAT(samples(), ElementsAre("mine.txt", "step-00000010.txt", "step-one.txt"));
  ASSERT_EQ(train(program, {"--out", folder, "--steps", "1", "--fresh"}).code, 0);
  EXPECT_THAT(samples(), ElementsAre("mine.txt", "step-one.txt"));
}

TEST_F(TrainingSamplesTest, PicturesAndSounds) {
  for (auto [kind, ending, begins] :
       {std::tuple("image", ".png", "\x89PNG"), std::tuple("audio", ".wav", "RIFF")}) {
    fs::remove_all(folder);
    std::string model = modelOf(kind);
    Outcome trained = train(
        model, {"--out", folder, "--steps", "4", "--sample-every", "2", "--sample-seed", "7"});
    ASSERT_EQ(trained.code, 0) << trained.err;
    EXPECT_THAT(samples(), ElementsAre(std::string("step-00000002") + ending,
                                       std::string("step-00000004") + ending));
    EXPECT_THAT(sample(std::string("step-00000004") + ending), StartsWith(begins));
    EXPECT_THAT(trained.out, HasSubstr("sampled " + folder + "/samples/step-00000004" + ending));

    Outcome refused = train(model, {"--out", other, "--sample-every", "2", "--sample-prompt", "a"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.err, HasSubstr("expected a prompt for samples of texts alone"));
    EXPECT_FALSE(fs::exists(other));
  }
}

// As sample does: the last half of the window, and 16 bytes behind it.
TEST_F(TrainingSamplesTest, ALongPromptSlidesTheWindow) {
  for (size_t size : {31, 32, 33, 100}) {
    std::string prompt;
    for (size_t i = 0; i < size; ++i)
      prompt += static_cast<char>('a' + i % 26);
    Outcome trained = train(program, {"--out", folder, "--fresh", "--steps", "2", "--sample-every",
                                      "2", "--sample-prompt", prompt});
    ASSERT_EQ(trained.code, 0) << trained.err;
    std::string drawn = sample("step-00000002.txt");
    size_t room = size < 32 ? 32 - size : 16;
    EXPECT_EQ(drawn.size(), 2 * (13 + size + room + 1)) << size;
    EXPECT_THAT(drawn, StartsWith("--- sample 1\n" + prompt));
    ASSERT_EQ(run({"sample", program, "--weights", folder, "--prompt", prompt, "--count", "2",
                   "--out", other + ".txt"})
                  .code,
              0);
    EXPECT_EQ(readFile(other + ".txt"), drawn) << size;
  }
}

TEST_F(TrainingSamplesTest, APromptAlonePromptsNothing) {
  EXPECT_EQ(train(program, {"--out", folder, "--sample-prompt", "a"}).code, 2);
  EXPECT_FALSE(fs::exists(folder));
}

} // namespace
} // namespace stc::runtime::test

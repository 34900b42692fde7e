//===- ResumeTest.cpp - checkpoints, and runs that go on from them ---------------------------===//
#include "runtime/Checkpoint/Checkpoint.h"
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/MockModel.h"

#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace stc::runtime::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> namesIn(const std::string &folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

class ResumeTest : public testing::Test {
protected:
  ResumeTest() {
    writeFile(data, mockData(20000));
    fs::remove_all(folder);
    fs::remove_all(reference);
  }

  Outcome train(const std::string &out, std::vector<std::string> more, int signal = 0) {
    more.insert(more.begin(), {"train", program, "--data", data, "--threads", "1", "--out", out});
    return run(std::move(more), signal);
  }

  static std::string checkpoint(const std::string &out, int step, const std::string &file = "") {
    return fmt::format("{}/checkpoints/step-{:08}{}{}", out, step, file.empty() ? "" : "/", file);
  }

  // All that does not depend on the time.
  static std::vector<nlohmann::json> metrics(const std::string &out) {
    std::vector<nlohmann::json> lines;
    std::istringstream text(readFile(out + "/metrics.jsonl"));
    for (std::string line; std::getline(text, line);) {
      lines.push_back(nlohmann::json::parse(line));
      lines.back().erase("seconds");
      lines.back().erase("bytes_per_second");
    }
    return lines;
  }

  void expectSameRun(int step) {
    for (const char *file : {"weights.safetensors", "optimizer.safetensors"})
      EXPECT_EQ(readFile(checkpoint(folder, step, file)),
                readFile(checkpoint(reference, step, file)));
    EXPECT_EQ(readFile(folder + "/weights.safetensors"),
              readFile(reference + "/weights.safetensors"));
    EXPECT_EQ(metrics(folder), metrics(reference));
  }

  std::string program = mockModel().write("model.stcp"), data = temporaryPath("text"),
              folder = temporaryPath("run"), reference = temporaryPath("reference");
};

TEST_F(ResumeTest, ToTheSameBits) {
  ASSERT_EQ(train(reference, {"--steps", "300", "--eval-every", "50"}).code, 0);
  ASSERT_EQ(train(folder, {"--steps", "150", "--eval-every", "50", "--seed", "3"}).code, 0);
  Outcome resumed = train(folder, {"--resume", "--steps", "300", "--eval-every", "50"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, AllOf(HasSubstr("resuming after step 150 of 300"),
                                 HasSubstr("150 steps in"), HasSubstr("step 300/300")));
  expectSameRun(300);
  EXPECT_EQ(metrics(folder).size(), 306u);

  // Nothing is left to do: nothing is done.
  Outcome done = train(folder, {"--resume", "--eval-every", "50"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("has the weights of step 300"));
  expectSameRun(300);
}

TEST_F(ResumeTest, ThereIsNothingToResume) {
  Outcome outcome = train(folder, {"--resume", "--steps", "5"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("has no checkpoint to resume: starting from the first step"));
}

TEST_F(ResumeTest, AfterASignal) {
  Outcome stopped = train(folder, {"--steps", "1000000000"}, SIGTERM);
  EXPECT_EQ(stopped.code, 128 + SIGTERM) << stopped.err;
  std::smatch match;
  ASSERT_TRUE(std::regex_search(stopped.out, match, std::regex("after step ([0-9]+) of")));
  std::string steps = std::to_string(std::stoi(match[1]) + 10);
  ASSERT_EQ(train(folder, {"--resume", "--steps", steps}).code, 0);
  ASSERT_EQ(train(reference, {"--steps", steps}).code, 0);
  expectSameRun(std::stoi(steps));
}

TEST_F(ResumeTest, TheFolder) {
  Outcome outcome =
      train(folder, {"--steps", "95", "--save-every", "10", "--keep", "2", "--eval-every", "30"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  auto state = nlohmann::json::parse(readFile(checkpoint(folder, 95, "state.json")));
  EXPECT_EQ(state["step"], 95);
  EXPECT_EQ(state["order"]["seed"], 3);
  EXPECT_EQ(state["order"]["batch"], 2);
  EXPECT_EQ(state["order"]["window"], 32);
  EXPECT_EQ(state["order"]["data_bytes"], 18000);
  EXPECT_EQ(state["order"]["part"], "train");
  // The best is one of the evaluations, of which there were 30, 60, 90 and the last.
  int best = state["best"]["step"];
  EXPECT_TRUE(best == 95 || best % 30 == 0) << best;
  std::vector<std::string> expected;
  for (int step : {30, 60, 90, 95})
    if (step >= 90 || step == best)
      expected.push_back(fmt::format("step-{:08}", step));
  EXPECT_EQ(namesIn(folder + "/checkpoints"), expected);
  EXPECT_EQ(fs::read_symlink(folder + "/best"), fmt::format("checkpoints/step-{:08}", best));
  EXPECT_EQ(fs::read_symlink(folder + "/weights.safetensors"),
            "checkpoints/step-00000095/weights.safetensors");
  EXPECT_THAT(namesIn(folder), ElementsAre(".lock", "best", "checkpoints", "metrics.jsonl",
                                           "run.json", "weights.safetensors"));
  auto about = nlohmann::json::parse(readFile(folder + "/run.json"));
  EXPECT_EQ(about["program"], "test");
  EXPECT_EQ(about["parameters"], 256);
  EXPECT_EQ(about["settings"]["data.context"], "32");
  EXPECT_EQ(about["data"], data);
  EXPECT_EQ(about["steps"], 95);
  EXPECT_EQ(about["seed"], 3);
  EXPECT_EQ(about["threads"], 1);

  std::vector<nlohmann::json> lines;
  std::istringstream text(readFile(folder + "/metrics.jsonl"));
  for (std::string line; std::getline(text, line);)
    lines.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(lines.size(), 99u);
  EXPECT_EQ(lines[0]["kind"], "step");
  EXPECT_EQ(lines[30]["kind"], "eval");
  EXPECT_EQ(lines[30]["step"], 30);
  for (const char *key : {"bits_per_byte", "standard_error", "bytes"})
    EXPECT_GT(lines[30][key].get<double>(), 0) << key;
  for (const char *key : {"bits_per_byte", "gradient_norm", "learning_rate", "bytes_per_second"})
    EXPECT_GT(lines[0][key].get<double>(), 0) << key;
  EXPECT_GT(lines[98]["step"], lines[0]["step"]);
}

TEST_F(ResumeTest, Refusals) {
  ASSERT_EQ(train(folder, {"--steps", "20"}).code, 0);
  auto refused = [&](std::vector<std::string> more) {
    Outcome outcome = train(folder, std::move(more));
    EXPECT_EQ(outcome.code, 1) << outcome.out;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    return outcome.err;
  };
  std::string place = checkpoint(folder, 20);
  EXPECT_EQ(refused({}), "stc-run: error: " + folder +
                             ": expected no checkpoints, found that of step 20: --resume goes on "
                             "from it, another --out keeps it, --fresh throws it away\n");
  EXPECT_EQ(refused({"--resume", "--seed", "4"}),
            "stc-run: error: " + place +
                ": it was trained on other data, or in another order: seed 3, now 4; "
                "--allow-other-order goes on all the same\n");
  EXPECT_THAT(refused({"--resume", "--split", "all"}), HasSubstr("part train, now all"));
  EXPECT_EQ(train(folder, {"--resume", "--fresh"}).code, 2);
  // As many bytes, the last one of the part another.
  std::string other = mockData(20000);
  other[17999] ^= 1;
  writeFile(data, other);
  EXPECT_THAT(refused({"--resume"}), HasSubstr("checksum of the data "));
  // What is in no step's data may change.
  other = mockData(20000);
  other[18000] ^= 1;
  writeFile(data, other);
  EXPECT_EQ(train(folder, {"--resume"}).code, 0);
  std::string more = mockData(20001);
  writeFile(data, more);
  EXPECT_THAT(refused({"--resume"}), HasSubstr("bytes of data 18000, now 18001"));
  EXPECT_EQ(train(folder, {"--resume", "--steps", "25", "--allow-other-order"}).code, 0);

  // Other tensors, of the model and of the optimizer.
  ProgramSpec spec = mockModel();
  spec.variables.push_back({{"v", DType::F32, {2}, 4800}});
  program = spec.write("other.stcp");
  EXPECT_THAT(refused({"--resume"}), HasSubstr("expected the weights of 'test': missing v"));
  spec.variables.back().role = program::Role::Optimizer;
  program = spec.write("other.stcp");
  EXPECT_THAT(refused({"--resume"}), HasSubstr("the optimizer state of 'test': missing v"));

  // Weights without a checkpoint are somebody's.
  program = mockModel().write("model.stcp");
  fs::remove_all(folder + "/checkpoints");
  fs::remove(folder + "/weights.safetensors");
  writeFile(folder + "/weights.safetensors", "somebody's");
  for (const std::vector<std::string> &options : {std::vector<std::string>{}, {"--resume"}})
    EXPECT_THAT(refused(options), HasSubstr("found weights.safetensors and no checkpoint"));
  writeFile(folder + "/samples", "");
  EXPECT_EQ(train(folder, {"--fresh", "--steps", "2"}).code, 0);
  EXPECT_THAT(namesIn(folder), testing::Contains("samples"));
  EXPECT_EQ(metrics(folder).size(), 2u);
}

// A copy that follows links, as cp -L makes it: `best` is a folder, the weights a file.
TEST_F(ResumeTest, ACopyWithoutLinks) {
  const std::vector<std::string> all = {"--steps", "80", "--eval-every", "20"};
  ASSERT_EQ(train(reference, all).code, 0);
  std::string original = temporaryPath("original");
  fs::remove_all(original);
  ASSERT_EQ(train(original, {"--steps", "40", "--eval-every", "20"}).code, 0);
  fs::copy(original, folder, fs::copy_options::recursive);
  ASSERT_TRUE(fs::is_directory(fs::symlink_status(folder + "/best")));
  ASSERT_TRUE(fs::is_regular_file(fs::symlink_status(folder + "/weights.safetensors")));
  std::vector<std::string> resume = all;
  resume.push_back("--resume");
  Outcome outcome = train(folder, resume);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  expectSameRun(80);
  EXPECT_EQ(fs::read_symlink(folder + "/best"), fs::read_symlink(reference + "/best"));
  EXPECT_EQ(namesIn(folder), namesIn(reference));
}

// A checkpoint of before there was a checksum of the data.
TEST_F(ResumeTest, WithoutAChecksum) {
  ASSERT_EQ(train(folder, {"--steps", "20"}).code, 0);
  std::string path = checkpoint(folder, 20, "state.json");
  auto state = nlohmann::ordered_json::parse(readFile(path));
  EXPECT_EQ(state["order"]["checksum"].get<std::string>().size(), 16u);
  state["order"].erase("checksum");
  state.erase("checksum");
  std::string text = state.dump(2);
  state["checksum"] = fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
  writeFile(path, state.dump(2) + "\n");
  Outcome outcome = train(folder, {"--resume", "--steps", "30"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
}

TEST_F(ResumeTest, ADamagedCheckpointIsSetAside) {
  const std::vector<std::string> toTheEnd = {"--resume", "--steps", "60", "--save-every", "10"};
  ASSERT_EQ(train(reference, {"--steps", "60", "--save-every", "10"}).code, 0);
  ASSERT_EQ(train(folder, {"--steps", "30", "--save-every", "10"}).code, 0);
  std::string good = temporaryPath("good");
  fs::remove_all(good);
  fs::copy(folder, good, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  struct Damage {
    const char *file;
    std::function<std::string(std::string)> damage;
    const char *message;
  };
  auto flip = [](std::string text) {
    text[text.size() / 2] ^= 4;
    return text;
  };
  auto cut = [](std::string text) { return text.substr(0, text.size() - 1); };
  auto nothing = [](std::string) { return std::string(); };
  auto nested = [](std::string) {
    constexpr size_t deep = 200'000;
    return R"({"checksum": "", "a": )" + std::string(deep, '[') + std::string(deep, ']') + "}";
  };
  const Damage cases[] = {{"weights.safetensors", cut, "does not fit"},
                          {"weights.safetensors", nothing, "does not fit"},
                          {"optimizer.safetensors", flip, "does not fit"},
                          {"state.json", flip, "state.json"},
                          {"state.json", cut, nullptr}, // the line feed
                          {"state.json", nested, "state.json: its checksum does not fit"},
                          {"state.json", nothing, "state.json: its checksum does not fit"}};
  for (const Damage &c : cases) {
    fs::remove_all(folder);
    fs::copy(good, folder, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    std::string path = checkpoint(folder, 30, c.file);
    writeFile(path, c.damage(readFile(path)));
    Outcome outcome = train(folder, toTheEnd);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    expectSameRun(60);
    if (!c.message) {
      EXPECT_EQ(outcome.err, "");
      continue;
    }
    EXPECT_THAT(
        outcome.err,
        AllOf(HasSubstr("stc-run: warning: " + path.substr(0, path.rfind('/'))),
              HasSubstr(c.message),
              HasSubstr("it is set aside as step-00000030.damaged, going on from step 20")));
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("resuming after step 20 of 60"));
    EXPECT_TRUE(fs::exists(checkpoint(folder, 30) + ".damaged"));
  }
  for (int step : {40, 50, 60})
    fs::remove(checkpoint(folder, step, "weights.safetensors"));
  Outcome outcome = train(folder, toTheEnd);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no checkpoint of " + folder + " is whole"));
  EXPECT_TRUE(fs::exists(checkpoint(folder, 60)));
}

TEST_F(ResumeTest, LeftoversOfKilledWritesGo) {
  ASSERT_EQ(train(folder, {"--steps", "20", "--save-every", "10"}).code, 0);
  fs::copy(checkpoint(folder, 20), checkpoint(folder, 30) + ".tmp");
  fs::remove(checkpoint(folder, 30) + ".tmp/state.json");
  writeFile(folder + "/weights.safetensors.tmp123", "half");
  writeFile(folder + "/notes.tmp", "somebody's");
  // Lines of steps after the checkpoint, the last of them cut short.
  std::string kept = readFile(folder + "/metrics.jsonl");
  writeFile(folder + "/metrics.jsonl",
            kept + kept.substr(0, kept.find('\n')).replace(0, 24, R"({"kind":"step","step":21)") +
                "\n{\"kind\":\"ste");
  ASSERT_EQ(train(folder, {"--resume", "--steps", "20"}).code, 0);
  EXPECT_EQ(readFile(folder + "/metrics.jsonl"), kept);
  EXPECT_THAT(namesIn(folder), ElementsAre(".lock", "checkpoints", "metrics.jsonl", "notes.tmp",
                                           "run.json", "weights.safetensors"));
  EXPECT_THAT(namesIn(folder + "/checkpoints"), ElementsAre("step-00000010", "step-00000020"));
}

TEST_F(ResumeTest, OneRunAFolder) {
  std::vector<std::string> arguments = {STC_RUN, "train", program,   "--data",    data,
                                        "--out", folder,  "--steps", "1000000000"};
  std::vector<char *> argv;
  for (std::string &argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t child = fork();
  if (child == 0) {
    (void)!freopen("/dev/null", "w", stdout);
    execv(argv[0], argv.data());
    _exit(127);
  }
  while (!fs::exists(folder + "/metrics.jsonl"))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  for (const std::vector<std::string> &options :
       {std::vector<std::string>{}, {"--resume"}, {"--fresh"}}) {
    Outcome second = train(folder, options);
    EXPECT_EQ(second.code, 1);
    EXPECT_EQ(second.err,
              "stc-run: error: " + folder + ": another run is training in this folder\n");
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(train(folder, {"--resume", "--steps", "1"}).code, 0);
}

// A limit of the size of files stands for a full disk: it fails in the same call.
TEST_F(ResumeTest, ADiskThatIsFull) {
  ProgramSpec spec = mockModel();
  spec.arena = 1 << 20;
  spec.variables.push_back({{"large", DType::F32, {1 << 14}, 1 << 16}, program::Role::Optimizer});
  program = spec.write("large.stcp");
  ASSERT_EQ(train(folder, {"--steps", "20", "--save-every", "10"}).code, 0);
  std::string before = readFile(folder + "/weights.safetensors");
  Outcome outcome =
      runProgram({"sh", "-c", "ulimit -f 64; exec \"$@\"", "sh", STC_RUN, "train",
                  program, "--data", data, "--out", folder, "--resume", "--steps", "40"});
  EXPECT_EQ(outcome.code, 5) << outcome.err;
  EXPECT_EQ(outcome.err, "stc-run: error: " + checkpoint(folder, 40) +
                             ".tmp/optimizer.safetensors: cannot write: File too large; " + folder +
                             "/weights.safetensors has the weights of step 20\n");
  EXPECT_THAT(namesIn(folder + "/checkpoints"), ElementsAre("step-00000010", "step-00000020"));
  EXPECT_EQ(readFile(folder + "/weights.safetensors"), before);
  EXPECT_EQ(train(folder, {"--resume", "--steps", "40"}).code, 0);
}

TEST_F(ResumeTest, SaysWhereAScheduleEnds) {
  ProgramSpec spec = mockModel();
  for (auto &[key, value] : spec.settings)
    if (key == "train.steps")
      value = "20";
  spec.settings.push_back({"train.decay", "cosine"});
  program = spec.write("cosine.stcp");
  const std::string start = "stc-run: warning: the learning rate is 0 after step 20, where the "
                            "specification's schedule ends (train.steps): ";
  EXPECT_EQ(train(folder, {}).err, "");
  EXPECT_EQ(train(folder, {"--resume"}).err, "");
  EXPECT_EQ(train(folder, {"--resume", "--steps", "22"}).err,
            start + "steps 21 to 22 learn nothing\n");
  EXPECT_EQ(train(folder, {"--resume", "--steps", "23"}).err, start + "step 23 learns nothing\n");
  EXPECT_EQ(train(reference, {"--steps", "30"}).err, start + "steps 21 to 30 learn nothing\n");
}

TEST_F(ResumeTest, SaysHowOrdersDiffer) {
  SampleOrder before{1, 2, 3, 4, "train", "a"}, now{1, 5, 3, 6, "all", "b"};
  EXPECT_EQ(differences(before, before), "");
  EXPECT_EQ(differences(before, now), "batch 2, now 5; bytes of data 4, now 6; part train, now "
                                      "all; checksum of the data a, now b");
}

} // namespace
} // namespace stc::runtime::test

//===- CommandTest.cpp - stc-run as a person runs it ------------------------------------------===//
#include "tests/unit/Runtime/Command.h"
#include "runtime/Data/NpyFile.h"
#include "tests/unit/Runtime/MockModel.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <regex>

namespace stc::runtime::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class CommandTest : public testing::Test {
protected:
  CommandTest() {
    writeFile(data, mockData(20000));
    std::filesystem::remove_all(folder);
  }

  std::string program = mockModel().write("model.stcp"), data = temporaryPath("text"),
              folder = temporaryPath("run"), weights = folder + "/weights.safetensors";
};

TEST_F(CommandTest, HelpAndUsage) {
  EXPECT_THAT(run({"--help"}).out, HasSubstr("exit codes: 0 done"));
  for (const char *command : {"train", "eval", "sample", "info", "call", "bench"}) {
    Outcome help = run({command, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr("--threads"));
  }
  for (const std::vector<std::string> &wrong :
       {std::vector<std::string>{},
        {"dance"},
        {"info"},
        {"info", "a", "--threads", "0"},
        {"train", program, "--data", data, "--out", folder, "--split", "all-of-it"}}) {
    Outcome outcome = run(wrong);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, StartsWith("stc-run: error: "));
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
  }
}

TEST_F(CommandTest, TrainEvalSample) {
  Outcome trained = run({"train", program, "--data", data, "--out", folder, "--eval-every", "200"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_THAT(trained.out, AllOf(HasSubstr("400 steps of 2 x 32 bytes"), HasSubstr("step 400/400"),
                                 HasSubstr("bytes/s"), HasSubstr("step 200: held-out"),
                                 HasSubstr("reading data took"), HasSubstr("peak resident memory"),
                                 HasSubstr(weights + " has the weights of step 400")));

  Outcome evaluated = run({"eval", program, "--data", data, "--weights", weights, "--json"});
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  auto result = nlohmann::json::parse(evaluated.out);
  EXPECT_NEAR(result["bits_per_byte"].get<double>(), 1.75, 0.15);
  EXPECT_GT(result["standard_error"].get<double>(), 0);
  EXPECT_EQ(result["windows"], 31); // 5 % of 20000 bytes
  Outcome text = run({"eval", program, "--data", data, "--weights", weights, "--split", "all"});
  EXPECT_THAT(text.out, HasSubstr("bits/byte over 20,000 bytes (625 windows of 32)"));

  std::vector<std::string> sample = {"sample", program, "--weights", weights, "--prompt", "tea"};
  Outcome first = run(sample);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, StartsWith("tea"));
  EXPECT_EQ(first.out.size(), 33u); // the context and a line feed
  EXPECT_EQ(run(sample).out, first.out);
  sample.insert(sample.end(), {"--seed", "5", "--count", "3", "--length", "4", "--top-k", "2",
                               "--top-p", "0.9", "--temperature", "0.7"});
  EXPECT_TRUE(std::regex_match(run(sample).out,
                               std::regex("--- sample 1\ntea[^]{4}\n--- sample 2\ntea[^]{4}\n"
                                          "--- sample 3\ntea[^]{4}\n")));

  // The same seed trains to the same bits, another does not.
  std::string bits = readFile(weights);
  run({"train", program, "--data", data, "--out", folder, "--fresh", "--threads", "1"});
  EXPECT_EQ(readFile(weights), bits);
  run({"train", program, "--data", data, "--out", folder, "--fresh", "--seed", "4"});
  EXPECT_NE(readFile(weights), bits);
}

TEST_F(CommandTest, ALossThatIsNoNumberKeepsTheLastGoodWeights) {
  std::string failing = mockModel(57).write("failing.stcp");
  Outcome outcome = run({"train", failing, "--data", data, "--out", folder, "--save-every", "10"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_EQ(outcome.err, "stc-run: error: the loss of step 57 is not a finite number; " + weights +
                             " has the weights of step 50\n");
  EXPECT_EQ(run({"eval", failing, "--data", data, "--weights", weights}).code, 0);
  std::filesystem::remove_all(folder);
  EXPECT_THAT(run({"train", failing, "--data", data, "--out", folder}).err,
              HasSubstr("no weights were written"));
  EXPECT_FALSE(std::filesystem::exists(weights));
}

TEST_F(CommandTest, BytesOutsideTheVocabularyAreRefused) {
  ProgramSpec spec = mockModel();
  spec.settings.emplace_back("model.vocabulary", "128");
  std::string ascii = spec.write("ascii.stcp"), high = temporaryPath("high.bin");
  writeFile(high, mockData(20000) + "\xc8");
  const std::string message =
      "expected bytes below the model's vocabulary of 128, found 200 at offset ";
  for (const std::vector<std::string> &command :
       {std::vector<std::string>{"train", ascii, "--data", high, "--out", folder, "--split", "all"},
        {"eval", ascii, "--data", high, "--weights", "none"},
        {"sample", ascii, "--weights", "none", "--prompt", "te\xc8"}}) {
    Outcome outcome = run(command);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr(message));
    EXPECT_EQ(outcome.out, ""); // not the prompt either
  }
  EXPECT_FALSE(std::filesystem::exists(weights));
  EXPECT_EQ(run({"train", ascii, "--data", data, "--out", folder, "--steps", "5"}).code, 0);
}

TEST_F(CommandTest, AStepThatLossScalingLeavesOutIsNoError) {
  std::vector<std::string> train = {"train", "",        "--data", data,     "--out",
                                    folder,  "--steps", "60",     "--fresh"};
  train[1] = mockModel(57, 65536).write("scaled.stcp");
  Outcome scaled = run(train);
  EXPECT_EQ(scaled.code, 0) << scaled.err;
  EXPECT_THAT(scaled.out, HasSubstr(weights + " has the weights of step 60"));
  // There is no smaller scale than 1.
  train[1] = mockModel(57, 1).write("scaled.stcp");
  Outcome outcome = run(train);
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("the gradient of step 57 is not a finite number"));
}

TEST_F(CommandTest, CallRunsAnEntryOnFiles) {
  std::string small = smallProgram().write("small.stcp"), x = temporaryPath("x.npy"),
              y = temporaryPath("y.npy"), prefix = temporaryPath("result_");
  const float values[] = {1, 2, 3, 4, 5, 6};
  auto bytes = std::as_bytes(std::span(values));
  ASSERT_TRUE(writeNpy(x, DType::F32, std::vector<int64_t>{2, 3}, bytes));
  ASSERT_TRUE(writeNpy(y, DType::F32, std::vector<int64_t>{3, 2}, bytes));
  Outcome outcome = run({"call", small, "f", x, y, "-o", prefix});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  auto q = readNpy(prefix + "q.npy");
  ASSERT_TRUE(q) << q.error().message;
  float results[4];
  std::memcpy(results, q->data.data(), sizeof(results));
  EXPECT_THAT(results, testing::ElementsAre(23, 29, 50, 65));

  auto errorOf = [](const Outcome &failed) {
    EXPECT_EQ(failed.code, 1);
    return failed.err;
  };
  EXPECT_EQ(errorOf(run({"call", small, "f", y, x})),
            "stc-run: error: " + y + ": expected f32[2, 3] for input 'x', found f32[3, 2]\n");
  EXPECT_THAT(errorOf(run({"call", small, "f", x})),
              HasSubstr("expected a file for each of 2 inputs, found 1"));
  EXPECT_THAT(errorOf(run({"call", small, "g"})), HasSubstr("expected an entry 'g', found f"));
  EXPECT_EQ(run({"call", small, "f", x, y, "-o", temporaryPath("none/")}).code, 5);
}

// Before anything is read or computed: none of the other files exists.
TEST_F(CommandTest, AFolderIsNoFileToWrite) {
  std::string out = temporaryPath("out-folder");
  std::filesystem::create_directories(out + "/q.npy");
  writeFile(temporaryPath("run.json"), "{}");
  const std::vector<std::string> commands[] = {
      {"sample", "none.stcp", "--weights", "none", "--count", "2000", "--out", out},
      {"export", "none", "--out", out},
      {"import", "none.stcp", "none", "--out", out + "/"},
      {"bench", "none.stcp", "--trace", out},
      {"call", smallProgram().write("small.stcp"), "f", "none.npy", "-o", out + "/"},
      {"report", temporaryPath(""), "--out", out}};
  for (const auto &command : commands) {
    Outcome outcome = run(command);
    EXPECT_EQ(outcome.code, 1) << command[0];
    EXPECT_THAT(outcome.err,
                HasSubstr(": expected the name of a file to write, found a folder's\n"))
        << command[0];
  }
}

TEST_F(CommandTest, InfoAndBench) {
  Outcome info = run({"info", program});
  EXPECT_THAT(info.out,
              AllOf(HasSubstr("256 in 1 tensors"), HasSubstr("train_step(tokens i32[2, 32]"),
                    HasSubstr("data.context = 32")));
  auto json = nlohmann::json::parse(run({"info", program, "--json"}).out);
  EXPECT_EQ(json["parameters"], 256);
  EXPECT_EQ(json["entries"].size(), 5u);
  auto bench = nlohmann::json::parse(
      run({"bench", program, "train_step", "--repetitions", "2", "--json"}).out);
  EXPECT_GT(bench["entries"][0]["median_seconds"].get<double>(), 0);
  EXPECT_GT(bench["entries"][0]["kinds"]["test"]["seconds"].get<double>(), 0);
  EXPECT_THAT(run({"bench", program, "--repetitions", "1", "--warm-up", "0"}).out,
              HasSubstr("sample_prefill: median"));
}

TEST_F(CommandTest, BenchComparesWithTheCeilings) {
  std::string small = smallProgram().write("small.stcp");
  auto info = nlohmann::json::parse(run({"info", small, "--json"}).out);
  const auto &work = info["entries"][0]["work"];
  EXPECT_EQ(work["gemm"], (nlohmann::json{{"flops", 24}, {"bytes", 64}}));
  EXPECT_EQ(work["copy"], (nlohmann::json{{"flops", 0}, {"bytes", 20}}));
  EXPECT_TRUE(work["reduce"].is_null());
  EXPECT_EQ(info["entries"][0]["model_flops"], 24);

  std::vector<std::string> command = {"bench", small, "f", "--repetitions", "1", "--warm-up", "0"};
  Outcome text = run(command);
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("the model: 24 FLOP at "), HasSubstr(" % utilization\n"),
                    HasSubstr("ceilings: products "), HasSubstr("(1536 cubed, f32), memory "),
                    HasSubstr(" (256.0 MiB read and written)\n"), HasSubstr("% of memory\n")));
  command.push_back("--json");
  auto json = nlohmann::json::parse(run(command).out)["entries"][0];
  const double product = json["ceilings"]["flops_per_second"], seconds = json["median_seconds"];
  EXPECT_GT(product, 0);
  EXPECT_GT(json["ceilings"]["bytes_per_second"].get<double>(), 0);
  EXPECT_DOUBLE_EQ(json["model_flop_utilization"].get<double>(), 24 / seconds / product);
  const auto &gemm = json["kinds"]["gemm"];
  EXPECT_DOUBLE_EQ(gemm["flops_per_second"].get<double>(), 24 / gemm["seconds"].get<double>());
  EXPECT_FALSE(json["kinds"]["reduce"].contains("flops"));
  EXPECT_TRUE(json["kinds"]["pointwise"].contains("ceiling_share"));
  command.push_back("--no-ceilings");
  json = nlohmann::json::parse(run(command).out)["entries"][0];
  EXPECT_FALSE(json.contains("ceilings") || json.contains("model_flop_utilization"));
  EXPECT_TRUE(json["kinds"]["gemm"].contains("flops_per_second"));
}

TEST_F(CommandTest, BenchTracesEachStep) {
  std::string small = smallProgram().write("small.stcp"), trace = temporaryPath("trace.json");
  ASSERT_EQ(
      run({"bench", small, "f", "--repetitions", "1", "--warm-up", "0", "--trace", trace}).code, 0);
  std::vector<std::string> names, kinds;
  double end = 0, bytes = 0;
  auto json = nlohmann::json::parse(readFile(trace));
  for (const auto &event : json["traceEvents"]) {
    if (event["ph"] == "M") {
      kinds.push_back(event["args"]["name"]);
      continue;
    }
    names.push_back(event["name"]);
    EXPECT_DOUBLE_EQ(event["ts"].get<double>(), end); // one behind the other
    end += event["dur"].get<double>();
    bytes += event["args"].value("bytes", 0.0);
  }
  EXPECT_EQ(bytes, 64 + 32 + 16 + 4);
  EXPECT_THAT(names, testing::ElementsAre("gemm 2x2x3", "addOne", "rowSum", "copy", "zero"));
  EXPECT_THAT(kinds, testing::ElementsAre("f", "gemm", "pointwise", "reduce", "copy"));
  EXPECT_GT(end, 0);
  Outcome nowhere = run({"bench", small, "--trace", temporaryPath("none/trace.json")});
  EXPECT_EQ(nowhere.code, 5);
  EXPECT_EQ(nowhere.out, ""); // nothing was run before
}

TEST_F(CommandTest, BadInputIsOneLine) {
  std::string foreign = temporaryPath("foreign"), cut = temporaryPath("cut");
  writeFile(foreign, "#!/bin/sh\nexit 1\n");
  writeFile(cut, readFile(program).substr(0, 1000));
  ProgramSpec features = mockModel();
  features.features = {"time_travel"};
  struct Case {
    std::vector<std::string> arguments;
    int code;
    const char *message;
  };
  const Case cases[] = {
      {{"info", foreign}, 1, "expected a compiled program"},
      {{"info", cut}, 1, "it is cut short"},
      {{"eval", program, "--data", data, "--weights", foreign}, 1, "expected a safetensors file"},
      {{"eval", program, "--data", foreign, "--weights", foreign}, 1, "expected at least 32 bytes"},
      {{"train", features.write("features.stcp"), "--data", data, "--out", folder},
       3,
       "needs the feature 'time_travel'"},
      {{"train", program, "--data", temporaryPath(""), "--out", folder}, 1, "found no train.npy"},
      {{"train", program, "--data", data, "--out", foreign + "/x"}, 5, "cannot create"},
      {{"train", smallProgram().write("small.stcp"), "--data", data, "--out", folder},
       1,
       "has no entry 'train_step'"},
      {{"sample", program, "--weights", foreign, "--prompt", std::string(40, 'x')},
       1,
       "safetensors"},
  };
  for (const Case &c : cases) {
    Outcome outcome = run(c.arguments);
    EXPECT_EQ(outcome.code, c.code) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("stc-run: error: "), HasSubstr(c.message)));
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
  }
}

} // namespace
} // namespace stc::runtime::test

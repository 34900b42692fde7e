//===- BadDaysTest.cpp - what happens to machines -----------------------------------------===//
//
// Full disks, folders that cannot be written, files that change under a run: one clear line, the
// code for what the system refused, and nothing lost. A full disk under a checkpoint is in
// ResumeTest.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/MockModel.h"

#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace stc::runtime::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class BadDays : public testing::Test {
protected:
  BadDays() {
    writeFile(data, mockData(20000));
    fs::remove_all(folder);
  }

  void train(int steps) {
    Outcome outcome =
        run({"train", program, "--data", data, "--out", folder, "--steps", std::to_string(steps)});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }

  static void expectRefused(const Outcome &outcome, const std::string &message) {
    EXPECT_EQ(outcome.code, 5) << outcome.out << outcome.err;
    EXPECT_THAT(outcome.err, StartsWith("stc-run: error: "));
    EXPECT_THAT(outcome.err, HasSubstr(message));
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
  }

  std::string program = mockModel().write("model.stcp"), data = temporaryPath("bad-days-data"),
              folder = temporaryPath("bad-days"), weights = folder + "/weights.safetensors";
};

TEST_F(BadDays, TheDataShrinksUnderTheRun) {
  auto outcome = std::async(std::launch::async, [&] {
    return run({"train", program, "--data", data, "--out", folder, "--steps", "1000000000",
                "--save-every", "100"});
  });
  while (!fs::exists(weights) &&
         outcome.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready)
    ;
  fs::resize_file(data, 100);
  Outcome ended = outcome.get();
  expectRefused(ended, data + ": expected");
  // Not those of the last checkpoint: all that was learned.
  std::string metrics = readFile(folder + "/metrics.jsonl");
  int64_t steps = std::ranges::count(metrics, '\n');
  EXPECT_THAT(ended.err,
              HasSubstr(fmt::format("the file has shrunk; {} has the weights of step {}\n", weights,
                                    steps)));
  writeFile(data, mockData(20000));
  EXPECT_EQ(run({"eval", program, "--data", data, "--weights", weights}).code, 0);
}

// Another program is copied over the one that runs, then cut short.
TEST_F(BadDays, TheProgramChangesUnderTheRun) {
  auto outcome = std::async(std::launch::async, [&] {
    return run({"train", program, "--data", data, "--out", folder, "--steps", "2000",
                "--save-every", "100"});
  });
  while (!fs::exists(weights) &&
         outcome.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready)
    ;
  fs::resize_file(program, 0);
  Outcome ended = outcome.get();
  EXPECT_EQ(ended.code, 0) << ended.err;
}

TEST_F(BadDays, NothingCanBeWritten) {
  train(4);
  // Not even root makes files in /proc.
  std::vector<std::string> places = {"/proc/none"};
  std::string readOnly = temporaryPath("read-only");
  fs::create_directory(readOnly);
  fs::permissions(readOnly, fs::perms::owner_read | fs::perms::owner_exec);
  if (geteuid() != 0)
    places.push_back(readOnly + "/none");
  for (const std::string &place : places) {
    expectRefused(run({"train", program, "--data", data, "--out", place}), place);
    expectRefused(run({"sample", program, "--weights", weights, "--prompt", "tea", "--out", place}),
                  place);
    expectRefused(run({"report", folder, "--out", place}), place + ": cannot create");
    expectRefused(run({"export", weights, "--out", place}), place + ": cannot create");
  }
}

TEST_F(BadDays, TheDiskIsFull) {
  train(4);
  const std::vector<std::string> commands[] = {
      {"report", folder, "--out", "/dev/full"},
      {"export", weights, "--out", "/dev/full"},
  };
  for (const std::vector<std::string> &command : commands) {
    expectRefused(run(command), "/dev/full: cannot write: No space left on device");
    EXPECT_FALSE(fs::is_regular_file("/dev/full"));
  }
  for (const std::vector<std::string> &command :
       {std::vector<std::string>{"info", program},
        {"info", program, "--json"},
        {"sample", program, "--weights", weights, "--prompt", "tea"}}) {
    std::vector<std::string> shell = {"sh", "-c", "exec \"$@\" > /dev/full", "sh", STC_RUN};
    shell.insert(shell.end(), command.begin(), command.end());
    expectRefused(runProgram(shell), "cannot write standard output");
  }
}

} // namespace
} // namespace stc::runtime::test

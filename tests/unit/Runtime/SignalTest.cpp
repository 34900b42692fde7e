//===- SignalTest.cpp - what is asked to end saves first --------------------------------------===//
#include "runtime/Support/Interrupt.h"
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/MockModel.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace stc::runtime::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Signals : public testing::Test {
protected:
  Signals() {
    writeFile(data, mockData(20000));
    fs::remove_all(folder);
  }

  // Runs stc-run train as "$@" of a shell's command.
  Outcome train(const std::string &command, std::vector<std::string> more, int signal = 0) {
    std::vector<std::string> all = {"sh",    "-c",   command,  "sh", STC_RUN,     "train", program,
                                    "--out", folder, "--data", data, "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return runProgram(all, signal);
  }

  // Of the weights that the folder has.
  int64_t savedStep() const {
    fs::path checkpoint = fs::canonical(folder + "/weights.safetensors").parent_path();
    return nlohmann::json::parse(readFile(checkpoint / "state.json"))["step"];
  }

  int64_t measuredSteps() const {
    std::istringstream text(readFile(folder + "/metrics.jsonl"));
    int64_t steps = 0;
    for (std::string line; std::getline(text, line);)
      steps += nlohmann::json::parse(line)["kind"] == "step";
    return steps;
  }

  const std::vector<std::string> endless = {
      "--steps",      "1000000000", "--save-every",   "1000000000",
      "--eval-every", "100",        "--eval-windows", "1"};
  std::string program = mockModel().write("model.stcp"), data = temporaryPath("signals-data"),
              folder = temporaryPath("signals");
};

TEST_F(Signals, EachSavesFirst) {
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1, SIGUSR2}) {
    SCOPED_TRACE(signalName(signal));
    fs::remove_all(folder);
    Outcome outcome = train("exec \"$@\"", endless, signal);
    EXPECT_EQ(outcome.code, 128 + signal) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr(std::string("stopped by ") + signalName(signal) +
                                       " after step " + std::to_string(savedStep()) + " of"));
    EXPECT_EQ(savedStep(), measuredSteps());
  }
}

// As under nohup.
TEST_F(Signals, WhatIsIgnoredStaysSo) {
  Outcome outcome = train("trap '' HUP; exec \"$@\"", {"--steps", "3000"}, SIGHUP);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(savedStep(), 3000);
}

TEST_F(Signals, TheReaderOfTheOutputEnds) {
  std::string code = temporaryPath("code");
  fs::remove(code);
  Outcome outcome = train("{ \"$@\"; echo $? >" + code + "; } | head -n 1", endless);
  EXPECT_THAT(outcome.out, HasSubstr("training 'test'"));
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(readFile(code), std::to_string(128 + SIGPIPE) + "\n");
  EXPECT_EQ(savedStep(), measuredSteps());
}

// Nobody reads, and whoever started the run does not want SIGPIPE.
TEST_F(Signals, TheReaderEndsAndTheSignalIsIgnored) {
  std::string code = temporaryPath("code");
  fs::remove(code);
  Outcome outcome = train("trap '' PIPE; { \"$@\"; echo $? >" + code + "; } | head -n 1",
                          {"--steps", "3000", "--eval-every", "10", "--eval-windows", "1"});
  EXPECT_EQ(outcome.err, "stc-run: error: cannot write standard output\n");
  EXPECT_EQ(readFile(code), "5\n");
  EXPECT_EQ(savedStep(), 3000);
}

TEST_F(Signals, OutputThatCannotBeWrittenStopsNoRun) {
  Outcome full = train("exec \"$@\" >/dev/full", {"--steps", "3000", "--eval-every", "10"});
  EXPECT_EQ(full.code, 5);
  EXPECT_EQ(full.err, "stc-run: error: cannot write standard output\n");
  EXPECT_EQ(savedStep(), 3000);
}

// What is opened next must not become the output.
TEST_F(Signals, ClosedStreams) {
  Outcome closed = train("exec \"$@\" <&- >&- 2>&-", {"--steps", "200", "--eval-every", "10"});
  EXPECT_EQ(closed.code, 0);
  EXPECT_EQ(savedStep(), 200);
  EXPECT_EQ(measuredSteps(), 200);
  EXPECT_EQ(readFile(data), mockData(20000));
  EXPECT_EQ(readFile(folder + "/.lock"), "");
}

int endedBy(void (*body)()) {
  pid_t child = fork();
  if (child == 0) {
    body();
    _exit(pendingInterrupt());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(Interrupt, ASecondSignal) {
  using namespace std::chrono_literals;
  EXPECT_EQ(endedBy([] {
              catchInterrupts();
              raise(SIGTERM);
              std::this_thread::sleep_for(510ms);
              raise(SIGTERM);
            }),
            -SIGTERM);
  // Those that a system repeats never end it, and the first is the one that counts.
  EXPECT_EQ(endedBy([] {
              catchInterrupts();
              raise(SIGXCPU);
              std::this_thread::sleep_for(510ms);
              raise(SIGXCPU);
              raise(SIGTERM);
            }),
            SIGXCPU);
}

} // namespace
} // namespace stc::runtime::test

//===- LaunchTest.cpp - the processes of a run on one machine
//-----------------------------------===//
#include "runtime/Processes/Launch.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Interrupt.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stc::runtime::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class Launch : public testing::Test {
protected:
  Launch() {
    std::string name = (fs::temp_directory_path() / "stc-launch-XXXXXX").string();
    folder = mkdtemp(name.data());
  }
  ~Launch() override { fs::remove_all(folder); }

  std::string text(const std::string &name) const {
    auto file = MappedFile::open((folder / name).string());
    return file ? std::string(file->text()) : "";
  }

  void start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), STC_RANK_PROGRAM);
    process = fork();
    if (process != 0)
      return;
    for (auto [name, number] : {std::pair("out", 1), {"err", 2}})
      dup2(open((folder / name).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), number);
    std::vector<char *> words;
    for (std::string &argument : arguments)
      words.push_back(argument.data());
    words.push_back(nullptr);
    execv(words[0], words.data());
    _exit(126);
  }

  // The exit code, or the signal, negative.
  int wait() {
    int status = 0;
    waitpid(process, &status, 0);
    out = text("out");
    err = text("err");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  int run(std::vector<std::string> arguments) {
    start(std::move(arguments));
    return wait();
  }

  fs::path folder;
  pid_t process = -1;
  std::string out, err;
};

TEST_F(Launch, OutputIsThatOfRank0) {
  EXPECT_EQ(run({"launch", "3", "well", "0"}), 0);
  EXPECT_EQ(out, "out 0 of 3\n");
  for (const char *line : {"err 0\n", "rank 1: err 1\n", "rank 1: and more of 1\n",
                           "rank 2: err 2\n", "rank 2: and more of 2\n"})
    EXPECT_THAT(err, HasSubstr(line));
}

TEST_F(Launch, ALogForEach) {
  std::string logs = (folder / "logs").string();
  EXPECT_EQ(run({"launch", "3", "well", "0", logs}), 0);
  EXPECT_EQ(run({"launch", "3", "well", "0", logs}), 0);
  EXPECT_EQ(err, "err 0\nand more of 0err 0\nand more of 0");
  EXPECT_EQ(text("logs/rank-1.log"), "err 1\nand more of 1err 1\nand more of 1");
  EXPECT_EQ(text("logs/rank-2.log"), "err 2\nand more of 2err 2\nand more of 2");
}

TEST_F(Launch, TheCodeOfTheOneThatFailed) {
  for (const char *rank : {"0", "2"}) {
    SCOPED_TRACE(rank);
    EXPECT_EQ(run({"launch", "3", "fails", rank}), 1);
    EXPECT_THAT(err, AllOf(HasSubstr("error: data: expected some, found none\n"),
                           HasSubstr(std::string("error: rank ") + rank +
                                     ": data: expected some, found none\n")));
  }
}

TEST_F(Launch, OneIsKilled) {
  for (const char *rank : {"0", "1"}) {
    SCOPED_TRACE(rank);
    EXPECT_EQ(run({"launch", "3", "killed", rank}), 128 + SIGKILL);
    std::string name = std::string("rank ") + rank + " \\(host [^ ]+, process [0-9]+\\)";
    EXPECT_THAT(err, testing::ContainsRegex("error: " + name + " ended without a goodbye\n"));
    EXPECT_THAT(err, testing::ContainsRegex(std::string("note: rank ") + rank +
                                            " \\(process [0-9]+\\) was ended by SIGKILL\n"));
  }
}

// SIGTERM is only noted, so that it takes SIGKILL. What they end with counts for nothing.
TEST_F(Launch, ThoseThatDoNotEndAreEnded) {
  EXPECT_EQ(run({"launch", "3", "deaf", "1"}), 4);
  EXPECT_THAT(err, Not(HasSubstr("note:")));
}

TEST_F(Launch, ASignalGoesToAll) {
  start({"launch", "3", "saves", "0"});
  while (text("out").find("runs\n") == std::string::npos)
    usleep(10'000);
  kill(process, SIGTERM);
  EXPECT_EQ(wait(), 128 + SIGTERM);
  EXPECT_EQ(out, "out 0 of 3\nruns\nsaved\n");
}

// And none is left behind.
TEST_F(Launch, TheLauncherIsKilled) {
  start({"launch", "2", "saves", "0"});
  while (text("out").find("runs\n") == std::string::npos)
    usleep(10'000);
  kill(process, SIGKILL);
  EXPECT_EQ(wait(), -SIGKILL);
  while (text("out").find("saved\n") == std::string::npos)
    usleep(10'000);
}

TEST_F(Launch, WhatCannotBeStarted) {
  LaunchOptions options;
  auto code = launch({(folder / "nothing").string()}, options);
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().message,
            (folder / "nothing").string() + ": cannot start: No such file or directory");
  EXPECT_EQ(code.error().kind, ErrorKind::Machine);
}

TEST_F(Launch, NoMpirun) {
  std::string path = std::getenv("PATH");
  setenv("PATH", folder.c_str(), 1);
  auto code = launchByMpi({"/bin/true"}, {});
  setenv("PATH", path.c_str(), 1);
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().message,
            "expected mpirun, which starts the processes of a program for the CPU, "
            "found none in the folders of PATH (openmpi-bin on Debian)");
}

// As Open MPI's sometimes does.
TEST_F(Launch, MpirunThatDoesNotEnd) {
  const std::filesystem::path script = folder / "mpirun";
  std::ofstream(script) << "#!/bin/bash\nsleep 2\nwhile :; do :; done\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  const std::string path = std::getenv("PATH");
  std::string said;
  LaunchOptions options;
  options.grace = std::chrono::milliseconds(100);
  options.note = [&](const std::string &line) { said += line + "\n"; };
  setenv("PATH", (folder.string() + ":" + path).c_str(), 1);
  auto code = launchByMpi({"/bin/true"}, options);
  setenv("PATH", path.c_str(), 1);
  ASSERT_TRUE(code);
  EXPECT_EQ(*code, exitCode(ErrorKind::Peer));
  EXPECT_THAT(said, HasSubstr("did not end with its processes, and was ended\n"));
}

class Mpirun : public Launch {
protected:
  void SetUp() override {
    if (!std::getenv("STC_MPI_PLUGIN"))
      GTEST_SKIP() << "expected MPI, found none: tools/setup.sh installs it";
  }
};

TEST_F(Mpirun, AllGoesWell) {
  EXPECT_EQ(run({"mpirun", "3", "well", "0"}), 0);
  EXPECT_EQ(out, "out 0 of 3\n");
  EXPECT_THAT(err, AllOf(HasSubstr("err 0\n"), HasSubstr("err 2\n"), Not(HasSubstr("error"))));
}

// The exit code is that of the process which mpirun sees first.
TEST_F(Mpirun, OneGivesUp) {
  EXPECT_THAT(run({"mpirun", "3", "fails", "1"}), testing::AnyOf(1, 6));
  EXPECT_THAT(err, AllOf(HasSubstr("error: data: expected some, found none\n"),
                         HasSubstr("error: rank 1: data: expected some, found none\n")));
}

// The others wait for it within MPI.
TEST_F(Mpirun, OneIsKilled) {
  EXPECT_THAT(run({"mpirun", "3", "killed", "1"}), testing::AnyOf(128 + SIGKILL, 6));
  EXPECT_THAT(err, testing::ContainsRegex("error: rank 1 \\(host [^ ]+, process [0-9]+\\) ended "
                                          "without a goodbye\n"));
}

TEST_F(Mpirun, ASignalGoesToAll) {
  start({"mpirun", "3", "saves", "0"});
  while (text("out").find("runs\n") == std::string::npos)
    usleep(10'000);
  kill(process, SIGTERM);
  EXPECT_EQ(wait(), 128 + SIGTERM);
  EXPECT_EQ(out, "out 0 of 3\nruns\nsaved\n");
}

} // namespace
} // namespace stc::runtime::test

//===- KillTest.cpp - runs that are killed end with the same bits ----------------------------===//
//
// STC_KILLS sets how often, STC_KILL_SEED when. tests/e2e/kill.sh does the same with a compiled
// model.
//
//===----------------------------------------------------------------------===//
#include "runtime/Checkpoint/Safetensors.h"
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/MockModel.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace stc::runtime::test {
namespace {

namespace fs = std::filesystem;

int64_t fromEnvironment(const char *name, int64_t otherwise) {
  const char *value = std::getenv(name);
  return value ? std::atoll(value) : otherwise;
}

// Runs it, and kills it after the seconds. Returns its exit code, or -SIGKILL.
int runAndKill(std::vector<std::string> arguments, double seconds) {
  arguments.insert(arguments.begin(), STC_RUN);
  std::vector<char *> argv;
  for (std::string &argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string metrics(const std::string &folder) {
  std::istringstream text(readFile(folder + "/metrics.jsonl"));
  std::string all;
  for (std::string line; std::getline(text, line);) {
    auto json = nlohmann::json::parse(line);
    json.erase("seconds");
    json.erase("bytes_per_second");
    all += json.dump() + "\n";
  }
  return all;
}

TEST(Kill, ResumedRunsEndWithTheSameBits) {
  int64_t kills = fromEnvironment("STC_KILLS", 20),
          seed = fromEnvironment("STC_KILL_SEED", std::random_device()());
  SCOPED_TRACE("STC_KILL_SEED=" + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  std::string program = mockModel().write("model.stcp"), data = temporaryPath("text"),
              folder = temporaryPath("run"), reference = temporaryPath("reference");
  writeFile(data, mockData(20000));
  auto train = [&](const std::string &out) {
    // Most of the time goes into writing, so that most kills hit a checkpoint.
    return std::vector<std::string>{"train",        program, "--data",       data, "--out",   out,
                                    "--steps",      "200",   "--save-every", "1",  "--keep",  "2",
                                    "--eval-every", "20",    "--threads",    "1",  "--resume"};
  };
  fs::remove_all(reference);
  auto start = std::chrono::steady_clock::now();
  Outcome undisturbed = run(train(reference));
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_EQ(undisturbed.code, 0) << undisturbed.err;
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> delay(0, seconds);
  for (int64_t killed = 0; killed < kills;) {
    fs::remove_all(folder);
    int code = -SIGKILL;
    while (code == -SIGKILL) {
      code = killed < kills ? runAndKill(train(folder), delay(random)) : run(train(folder)).code;
      killed += code == -SIGKILL;
      std::string weights = folder + "/weights.safetensors";
      if (fs::exists(fs::symlink_status(weights))) {
        auto file = SafetensorsFile::open(weights);
        ASSERT_TRUE(file) << file.error().message;
      }
    }
    ASSERT_EQ(code, 0);
    for (const char *file : {"weights.safetensors", "optimizer.safetensors"}) {
      std::string name = std::string("/checkpoints/step-00000200/") + file;
      ASSERT_EQ(readFile(folder + name), readFile(reference + name)) << killed << " kills";
    }
    ASSERT_EQ(metrics(folder), metrics(reference)) << killed << " kills";
    for (const fs::directory_entry &entry : fs::directory_iterator(folder + "/checkpoints"))
      ASSERT_FALSE(entry.path().string().ends_with(".damaged")) << entry.path();
    ASSERT_EQ(fs::read_symlink(folder + "/best"), fs::read_symlink(reference + "/best"));
  }
}

} // namespace
} // namespace stc::runtime::test

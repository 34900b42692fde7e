//===- Command.cpp - runs stc-run as a person does -------------------------------------------===//
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace stc::runtime::test {

Outcome runProgram(std::vector<std::string> arguments, int signal) {
  std::string out = temporaryPath("out"), err = temporaryPath("err");
  std::vector<char *> argv;
  for (std::string &argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::filesystem::remove(out);
  pid_t child = fork();
  if (child == 0) {
    dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  if (signal) {
    // Once it trains, which its first line says.
    while (readFile(out).find("step 1/") == std::string::npos)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    kill(child, signal);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), readFile(out),
          readFile(err)};
}

Outcome run(std::vector<std::string> arguments, int signal) {
  arguments.insert(arguments.begin(), STC_RUN);
  return runProgram(std::move(arguments), signal);
}

Outcome runPython(const std::string &program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"python3", "-c", program});
  return runProgram(std::move(arguments));
}

bool pythonHas(const std::string &modules) { return runPython("import " + modules, {}).code == 0; }

} // namespace stc::runtime::test

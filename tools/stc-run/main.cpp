//===- main.cpp - stc-run: trains, evaluates and samples compiled programs ------------===//
#include "runtime/Support/Output.h"
#include "runtime/Support/Text.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-run/Commands.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <fmt/format.h>
#include <new>
#include <system_error>

using namespace stc::runtime;
using namespace stc::run;

// Names out of files may be in the message.
static int report(const std::string &message, int code) {
  say(stderr, "stc-run: error: {}\n", forTerminal(message));
  return code;
}

void stc::run::warn(const std::string &text) {
  say(stderr, "stc-run: warning: {}\n", forTerminal(text));
}

// A standard stream that is closed would be the first file that is opened, and output go there.
static void openStandardStreams() {
  for (int descriptor : {0, 1, 2})
    if (fcntl(descriptor, F_GETFD) < 0)
      (void)open("/dev/null", O_RDWR); // takes the lowest number that is free
}

static int execute(const Command &run) {
  Result<int> result = run();
  if (!result)
    return result.error().isKnown ? exitCode(result.error().kind)
                                  : report(result.error().message, exitCode(result.error().kind));
  // Of a run that a signal ended, the reader of its output often is what was gone first.
  if ((std::fflush(stdout) != 0 || std::ferror(stdout)) && *result < 128)
    return report("cannot write standard output", exitCode(ErrorKind::Io));
  return *result;
}

int main(int argc, char **argv) {
  openStandardStreams();
  // What exceeds a limit on the size of files is an error of the write.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app("Runs programs that stc-compile made.", "stc-run");
  app.require_subcommand(1);
  app.footer(
      "exit codes: 0 done, 1 a file or value that does not fit, 2 a wrong command line,\n"
      "3 something this machine does not have (CPU feature, memory), 4 the loss is not a\n"
      "number, 5 the system refused to read or write, 6 another process of the run failed,\n"
      "128 + n stopped by signal n (130: Ctrl-C)");
  Command run;
  addPrepare(app, run);
  addTrain(app, run);
  addEval(app, run);
  addSample(app, run);
  addExport(app, run);
  addImport(app, run);
  addReport(app, run);
  addInfo(app, run);
  addCall(app, run);
  addBench(app, run);
  if (auto ended = stc::cli::parse(app, argc, argv))
    return *ended;
  // The standard library throws where it has no memory, fmt where it cannot print.
  try {
    return execute(run);
  } catch (const std::system_error &error) {
    if (!std::ferror(stdout))
      return report(error.what(), exitCode(ErrorKind::Machine));
    return report("cannot write standard output", exitCode(ErrorKind::Io));
  } catch (const std::bad_alloc &) {
    return report("out of memory: the machine, or a limit of this process (ulimit -v or -d), has "
                  "no more",
                  exitCode(ErrorKind::Machine));
  } catch (const std::exception &error) {
    return report(error.what(), exitCode(ErrorKind::Machine));
  }
}

//===- main.cpp - stc-run: trains, evaluates and samples compiled programs ------------===//
#include "tools/stc-run/Commands.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fmt/format.h>

using namespace stc::runtime;
using namespace stc::run;

static constexpr int usageError = 2;

static int report(const std::string &message, int code) {
  fmt::print(stderr, "stc-run: error: {}\n", message);
  return code;
}

static int execute(const Command &run) {
  Result<int> result = run();
  if (!result)
    return report(result.error().message, exitCode(result.error().kind));
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return report("cannot write standard output", exitCode(ErrorKind::Io));
  return *result;
}

int main(int argc, char **argv) {
  CLI::App app("Runs programs that stc-compile made.", "stc-run");
  app.require_subcommand(1);
  app.footer("exit codes: 0 done, 1 a file or value that does not fit, 2 a wrong command line,\n"
             "3 something this machine does not have (CPU feature, memory), 4 the loss is not a\n"
             "number, 5 the system refused to read or write, 130 or 143 interrupted by a signal");
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
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &help) {
    return app.exit(help);
  } catch (const CLI::ParseError &error) {
    std::string message = error.what();
    return report(message.substr(0, message.find('\n')), usageError);
  }
  // The standard library throws where it has no memory.
  try {
    return execute(run);
  } catch (const std::exception &error) {
    return report(error.what(), exitCode(ErrorKind::Machine));
  }
}

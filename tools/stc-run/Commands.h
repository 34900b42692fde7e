//===- Commands.h - the subcommands of stc-run -------------------------------------===//
//
// Each subcommand lives in its own file and adds itself to the command line; parsing leaves in
// `run` what to do.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace stc::run {

/// Says on stderr, as one line, what is odd but no error.
void warn(const std::string &text);

/// Returns the exit code.
using Command = std::function<runtime::Result<int>()>;

void addPrepare(CLI::App &app, Command &run);
void addTrain(CLI::App &app, Command &run);
void addEval(CLI::App &app, Command &run);
void addSample(CLI::App &app, Command &run);
void addExport(CLI::App &app, Command &run);
void addImport(CLI::App &app, Command &run);
void addReport(CLI::App &app, Command &run);
void addInfo(CLI::App &app, Command &run);
void addCall(CLI::App &app, Command &run);
void addBench(CLI::App &app, Command &run);

} // namespace stc::run

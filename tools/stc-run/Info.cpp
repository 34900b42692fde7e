//===- Info.cpp - stc-run info --------------------------------------------------------===//
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/Text.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Describe.h"
#include "tools/stc-run/Session.h"

#include <fmt/format.h>

namespace stc::run {

using namespace runtime;

namespace {

struct InfoOptions : SessionOptions {
  bool json = false;
};

Result<int> info(const InfoOptions &options) {
  Result<ProgramFile> file = ProgramFile::open(options.program);
  if (!file)
    return forward(file);
  if (auto checked = options.check(file->program()); !checked)
    return forward(checked);
  fmt::print("{}", options.json
                       ? describeAsJson(file->program(), options.threads)
                       : forTerminal(describeAsText(file->program(), options.threads), true));
  return 0;
}

} // namespace

void addInfo(CLI::App &app, Command &run) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App *command = cli::addCommand(app, "info", "says what a program is and what it needs");
  options->add(*command);
  command->add_flag("--json", options->json, "as JSON");
  cli::addExample(*command, "stc-run info out/text-small.stcp");
  command->callback([=, &run] { run = [=] { return info(*options); }; });
}

} // namespace stc::run

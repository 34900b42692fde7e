//===- Report.cpp - stc-run report: run folders as one HTML page ------------------------------===//
#include "runtime/Program/ProgramFile.h"
#include "runtime/Report/Page.h"
#include "runtime/Support/File.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-run/Commands.h"

#include <fmt/format.h>
#include <optional>

namespace stc::run {

using namespace runtime;

namespace {

struct ReportOptions {
  std::vector<std::string> folders;
  std::string out, program;
};

Result<int> report(const ReportOptions &options) {
  if (options.folders.size() > mostRuns)
    return fail(
        fmt::format("expected up to {} run folders, found {}", mostRuns, options.folders.size()));
  if (options.folders.size() > 1 && !options.program.empty())
    return fail(
        fmt::format("expected one run folder beside --program, found {}", options.folders.size()));
  std::string path = options.out;
  if (!path.empty())
    if (auto checked = AtomicFile::check(path); !checked)
      return forward(checked);
  if (path.empty())
    path = options.folders[0] + (options.folders.size() == 1 ? "/report.html" : "/comparison.html");
  std::optional<ProgramFile> program;
  if (!options.program.empty()) {
    Result<ProgramFile> file = ProgramFile::open(options.program);
    if (!file)
      return forward(file);
    program.emplace(std::move(*file));
  }
  Result<std::vector<RunRecord>> runs = readRuns(options.folders);
  if (!runs)
    return forward(runs);
  Result<std::string> page = makePage(*runs, program ? &program->program() : nullptr);
  if (!page)
    return forward(page);
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return forward(file);
  if (auto written = file->write(*page); !written)
    return forward(written);
  if (auto committed = file->commit(); !committed)
    return forward(committed);
  fmt::print("{}\n", path);
  return 0;
}

} // namespace

void addReport(CLI::App &app, Command &run) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App *command = cli::addCommand(
      app, "report", "shows a run folder, or several beside each other, as one HTML page");
  command->add_option("folders", options->folders, "up to four folders that train wrote")
      ->required();
  command->add_option("-o,--out", options->out,
                      "file for the page; default: report.html in the folder, comparison.html in "
                      "the first of several");
  command->add_option("--program", options->program,
                      "compiled program (.stcp), for the picture of its pattern and its memory");
  cli::addExample(*command, "stc-run report out/text-small --program out/text-small.stcp");
  command->callback([=, &run] { run = [=] { return report(*options); }; });
}

} // namespace stc::run

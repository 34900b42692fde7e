//===- Report.cpp - stc-run report: a run folder as one HTML page -----------------------------===//
#include "runtime/Program/ProgramFile.h"
#include "runtime/Report/Page.h"
#include "runtime/Support/File.h"
#include "tools/stc-run/Commands.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <optional>

namespace stc::run {

using namespace runtime;

namespace {

struct ReportOptions {
  std::string folder, out, program;
};

Result<int> report(const ReportOptions &options) {
  std::optional<ProgramFile> program;
  if (!options.program.empty()) {
    Result<ProgramFile> file = ProgramFile::open(options.program);
    if (!file)
      return forward(file);
    program.emplace(std::move(*file));
  }
  Result<RunRecord> record = readRun(options.folder);
  if (!record)
    return forward(record);
  Result<std::string> page = makePage(*record, program ? &program->program() : nullptr);
  if (!page)
    return forward(page);
  std::string path = options.out.empty() ? options.folder + "/report.html" : options.out;
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
  CLI::App *command = app.add_subcommand("report", "shows a run folder as one HTML page");
  command->add_option("folder", options->folder, "folder that train wrote")->required();
  command->add_option("--out", options->out,
                      "file for the page; default: report.html in the folder");
  command->add_option("--program", options->program,
                      "compiled program (.stcp), for the picture of its pattern and its memory");
  command->callback([=, &run] { run = [=] { return report(*options); }; });
}

} // namespace stc::run

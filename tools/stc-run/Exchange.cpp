//===- Exchange.cpp - stc-run export and import: weights of other programs ------------------===//
#include "runtime/Checkpoint/Exchange.h"
#include "runtime/Program/ProgramFile.h"
#include "tools/stc-run/Commands.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>

namespace stc::run {

using namespace runtime;

namespace {

struct ExchangeOptions {
  std::string program, from, to, names;

  void addNames(CLI::App &command) {
    command.add_option("--to", to, "file to write (.safetensors)")->required();
    command.add_option("--names", names,
                       "JSON object from STC's names to the other program's; '*' for a layer");
  }
  Result<NameMap> nameMap() const { return names.empty() ? NameMap() : NameMap::open(names); }
};

// A run's folder or a checkpoint stands for the weights in it.
std::string weightsIn(const std::string &path) {
  return std::filesystem::is_directory(path) ? path + "/weights.safetensors" : path;
}

Result<int> exportTo(const ExchangeOptions &options) {
  Result<NameMap> names = options.nameMap();
  if (!names)
    return forward(names);
  if (auto done = exportWeights(weightsIn(options.from), options.to, *names); !done)
    return forward(done);
  return 0;
}

Result<int> importFrom(const ExchangeOptions &options) {
  Result<NameMap> names = options.nameMap();
  if (!names)
    return forward(names);
  Result<ProgramFile> program = ProgramFile::open(options.program);
  if (!program)
    return forward(program);
  if (auto done = importWeights(program->program(), options.from, options.to, *names); !done)
    return forward(done);
  return 0;
}

} // namespace

void addExport(CLI::App &app, Command &run) {
  auto options = std::make_shared<ExchangeOptions>();
  CLI::App *command = app.add_subcommand("export", "writes weights for other programs to load");
  command
      ->add_option("weights", options->from,
                   "weights (.safetensors), a run's folder, or a checkpoint")
      ->required();
  options->addNames(*command);
  command->callback([=, &run] { run = [=] { return exportTo(*options); }; });
}

void addImport(CLI::App &app, Command &run) {
  auto options = std::make_shared<ExchangeOptions>();
  CLI::App *command = app.add_subcommand("import", "checks and converts weights of other programs");
  command->add_option("program", options->program, "compiled program (.stcp)")->required();
  command->add_option("from", options->from, "f32, f16 or bf16 weights (.safetensors)")->required();
  options->addNames(*command);
  command->callback([=, &run] { run = [=] { return importFrom(*options); }; });
}

} // namespace stc::run

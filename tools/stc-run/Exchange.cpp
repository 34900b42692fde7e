//===- Exchange.cpp - stc-run export and import: weights of other programs ------------------===//
#include "runtime/Checkpoint/Exchange.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/File.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-run/Commands.h"

#include <filesystem>
#include <fmt/format.h>

namespace stc::run {

using namespace runtime;

namespace {

struct ExchangeOptions {
  std::string program, from, to, names;

  void addNames(CLI::App &command) {
    command.add_option("-o,--out,--to", to, "file to write (.safetensors)")->required();
    command.add_option("--names", names,
                       "JSON object from STC's names to the other program's; '*' for a layer");
  }
  Result<NameMap> nameMap() const { return names.empty() ? NameMap() : NameMap::open(names); }
};

// A name of another format would promise what is not in the file.
Result<void> checkOut(const std::string &path) {
  std::string ending = std::filesystem::path(path).extension().string();
  if (!ending.empty() && ending != ".safetensors")
    return fail(fmt::format("{}: expected the name of a .safetensors file, which is what is "
                            "written, found one that ends in {}",
                            path, ending));
  return AtomicFile::check(path);
}

Result<int> exportTo(const ExchangeOptions &options) {
  if (auto checked = checkOut(options.to); !checked)
    return forward(checked);
  Result<NameMap> names = options.nameMap();
  if (!names)
    return forward(names);
  if (auto done = exportWeights(weightsFile(options.from), options.to, *names); !done)
    return forward(done);
  return 0;
}

Result<int> importFrom(const ExchangeOptions &options) {
  if (auto checked = checkOut(options.to); !checked)
    return forward(checked);
  Result<NameMap> names = options.nameMap();
  if (!names)
    return forward(names);
  Result<ProgramFile> program = ProgramFile::open(options.program);
  if (!program)
    return forward(program);
  if (auto done = importWeights(program->program(), weightsFile(options.from), options.to, *names);
      !done)
    return forward(done);
  return 0;
}

} // namespace

void addExport(CLI::App &app, Command &run) {
  auto options = std::make_shared<ExchangeOptions>();
  CLI::App *command = cli::addCommand(app, "export", "writes weights for other programs to load");
  command
      ->add_option("weights", options->from,
                   "weights (.safetensors), a run's folder, or a checkpoint")
      ->required();
  options->addNames(*command);
  cli::addExample(*command, "stc-run export out/text-small --out torch.safetensors");
  command->callback([=, &run] { run = [=] { return exportTo(*options); }; });
}

void addImport(CLI::App &app, Command &run) {
  auto options = std::make_shared<ExchangeOptions>();
  CLI::App *command =
      cli::addCommand(app, "import", "checks and converts weights of other programs");
  command->add_option("program", options->program, "compiled program (.stcp)")->required();
  command->add_option("from", options->from, "f32, f16 or bf16 weights (.safetensors)")->required();
  options->addNames(*command);
  cli::addExample(
      *command,
      "stc-run import out/text-small.stcp torch.safetensors --out out/imported.safetensors");
  command->callback([=, &run] { run = [=] { return importFrom(*options); }; });
}

} // namespace stc::run

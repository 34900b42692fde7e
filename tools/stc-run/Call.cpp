//===- Call.cpp - stc-run call: any entry on .npy files ----------------------------------===//
#include "runtime/Support/File.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"
#include "tools/stc-run/TensorFiles.h"

#include <fmt/format.h>

namespace stc::run {

using namespace runtime;

namespace {

struct CallOptions : SessionOptions {
  std::string entry;
  std::vector<std::string> inputs;
  std::string output = "out_";
  int64_t seed = 0;
  std::string weights;
};

/// Files of the outputs, all of which can be written. A name leads to no other folder
/// (NameCheck.h).
Result<std::vector<std::string>> outputPaths(const program::Entry &entry,
                                             const std::string &prefix) {
  std::vector<std::string> paths;
  for (const program::Tensor *output : *entry.outputs()) {
    paths.push_back(prefix + output->name()->str() + ".npy");
    if (auto checked = AtomicFile::check(paths.back()); !checked)
      return forward(checked);
  }
  return paths;
}

Result<int> callIn(Session &session, const CallOptions &options) {
  Executor &executor = session.executor();
  Result<uint32_t> index = session.entry(options.entry);
  if (!index)
    return forward(index);
  const program::Entry &entry = *executor.program().entries()->Get(*index);
  auto paths = outputPaths(entry, options.output);
  if (!paths)
    return forward(paths);
  auto inputs = readInputs(executor.program(), entry, options.inputs);
  if (!inputs)
    return forward(inputs);
  if (options.entry != "init")
    if (auto initialized = session.initialize(options.seed, options.weights); !initialized)
      return forward(initialized);
  for (uint32_t i = 0; i < inputs->size(); ++i)
    if (auto written = executor.writeWhole(*entry.inputs()->Get(i), (*inputs)[i]); !written)
      return forward(written);
  if (auto ran = executor.run(*index); !ran)
    return forward(ran);
  for (uint32_t i = 0; i < paths->size(); ++i) {
    const program::Tensor &output = *entry.outputs()->Get(i);
    if (auto written = writeOutput((*paths)[i], output, executor); !written)
      return forward(written);
    fmt::print("{} {}\n", (*paths)[i], describeInFile(executor.program(), output));
  }
  return 0;
}

Result<int> call(const CallOptions &options) {
  return withSession(options, [&](Session &session) { return callIn(session, options); });
}

} // namespace

void addCall(CLI::App &app, Command &run) {
  auto options = std::make_shared<CallOptions>();
  CLI::App *command = cli::addCommand(app, "call", "runs one entry on .npy files");
  options->add(*command);
  command->add_option("entry", options->entry, "name of the entry")->required();
  command->add_option("inputs", options->inputs,
                      "a .npy file for each input, in order; f32 for f16 and bf16");
  command->add_option("-o,--out,--output", options->output,
                      "start of the outputs' names: PREFIXname.npy; default: out_");
  cli::addNumber(*command, "--seed", options->seed,
                 "seed of the entry 'init', which runs before; default: 0");
  command->add_option(
      "--weights", options->weights,
      "weights (.safetensors), a run's folder, or a checkpoint, in place of init's");
  cli::addExample(*command,
                  "stc-run call out/attend.stcp attend q.npy k.npy v.npy --out out/attend_");
  options->wanted = [own = options.get()](std::string_view entry) {
    return entry == "init" || entry == own->entry;
  };
  command->callback([=, &run] { run = [=] { return call(*options); }; });
}

} // namespace stc::run

//===- Call.cpp - stc-run call: any entry on .npy files ----------------------------------===//
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"
#include "tools/stc-run/TensorFiles.h"

#include <CLI/CLI.hpp>
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

Result<int> call(const CallOptions &options) {
  auto session = Session::open(options);
  if (!session)
    return forward(session);
  Executor &executor = (*session)->executor();
  Result<uint32_t> index = (*session)->entry(options.entry);
  if (!index)
    return forward(index);
  const program::Entry &entry = *executor.program().entries()->Get(*index);
  auto inputs = readInputs(entry, options.inputs);
  if (!inputs)
    return forward(inputs);
  if (options.entry != "init")
    if (auto initialized = (*session)->initialize(options.seed, options.weights); !initialized)
      return forward(initialized);
  for (uint32_t i = 0; i < inputs->size(); ++i)
    if (auto written = executor.write(*entry.inputs()->Get(i), (*inputs)[i]); !written)
      return forward(written);
  if (auto ran = executor.run(*index); !ran)
    return forward(ran);
  for (const program::Tensor *output : *entry.outputs()) {
    std::string path = options.output + output->name()->str() + ".npy";
    if (auto written = writeOutput(path, *output, executor); !written)
      return forward(written);
    fmt::print("{} {}\n", path, describeInFile(*output));
  }
  return 0;
}

} // namespace

void addCall(CLI::App &app, Command &run) {
  auto options = std::make_shared<CallOptions>();
  CLI::App *command = app.add_subcommand("call", "runs one entry on .npy files");
  options->add(*command);
  command->add_option("entry", options->entry, "name of the entry")->required();
  command->add_option("inputs", options->inputs,
                      "a .npy file for each input, in order; f32 for f16 and bf16");
  command->add_option("-o,--output", options->output,
                      "start of the outputs' names: PREFIXname.npy; default: out_");
  command->add_option("--seed", options->seed, "seed of the entry 'init', which runs before");
  command->add_option("--weights", options->weights, "weights (.safetensors) in place of init's");
  command->callback([=, &run] { run = [=] { return call(*options); }; });
}

} // namespace stc::run

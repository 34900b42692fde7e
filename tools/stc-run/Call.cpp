//===- Call.cpp - stc-run call: any entry on .npy files ----------------------------------===//
#include "runtime/Data/NpyFile.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/Tensor.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace stc::run {

using namespace runtime;

namespace {

struct CallOptions : DeviceOptions {
  std::string entry;
  std::vector<std::string> inputs;
  std::string output = "out_";
  int64_t seed = 0;
  std::string weights;
};

// A .npy file has no bf16, and few programs write f16: floats of 16 bits are f32 in a file.
program::DType inFile(const program::Tensor &tensor) {
  return isNarrow(tensor.dtype()) ? program::DType::F32 : tensor.dtype();
}

std::string describeInFile(const program::Tensor &tensor) {
  std::string text = describe(tensor);
  return isNarrow(tensor.dtype()) ? "f32" + text.substr(text.find('[')) : text;
}

Result<void> readInput(const std::string &path, const program::Tensor &tensor, Executor &executor) {
  Result<NpyArray> array = readNpy(path);
  if (!array)
    return forward(array);
  const auto &shape = *tensor.shape();
  if (array->dtype != inFile(tensor) ||
      !std::equal(shape.begin(), shape.end(), array->shape.begin(), array->shape.end()))
    return fail(fmt::format("{}: expected {} for input '{}', found {}", path,
                            describeInFile(tensor), tensor.name()->str(), describe(*array)));
  if (!isNarrow(tensor.dtype()))
    return executor.write(tensor, array->data);
  std::span floats(reinterpret_cast<const float *>(array->data.data()),
                   static_cast<size_t>(elements(tensor)));
  return executor.write(tensor, narrow(tensor.dtype(), floats));
}

Result<void> writeOutput(const std::string &path, const program::Tensor &tensor,
                         Executor &executor) {
  auto data = executor.read(tensor);
  if (!data)
    return forward(data);
  std::vector<int64_t> shape(tensor.shape()->begin(), tensor.shape()->end());
  if (!isNarrow(tensor.dtype()))
    return writeNpy(path, tensor.dtype(), shape, *data);
  std::vector<float> floats = widen(tensor.dtype(), *data);
  return writeNpy(path, program::DType::F32, shape, std::as_bytes(std::span(floats)));
}

Result<int> call(const CallOptions &options) {
  auto session = Session::open(options);
  if (!session)
    return forward(session);
  Executor &executor = (*session)->executor();
  Result<uint32_t> index = (*session)->entry(options.entry);
  if (!index)
    return forward(index);
  const program::Entry &entry = *executor.program().entries()->Get(*index);
  if (options.inputs.size() != entry.inputs()->size())
    return fail(fmt::format("entry '{}' takes {} inputs, got {} files", options.entry,
                            entry.inputs()->size(), options.inputs.size()));
  if (options.entry != "init")
    if (auto initialized = (*session)->initialize(options.seed, options.weights); !initialized)
      return forward(initialized);
  for (size_t i = 0; i < options.inputs.size(); ++i)
    if (auto read = readInput(options.inputs[i], *entry.inputs()->Get(i), executor); !read)
      return forward(read);
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

//===- TensorFiles.cpp - inputs and outputs of entries as .npy files ----------------===//
#include "tools/stc-run/TensorFiles.h"

#include "runtime/Data/NpyFile.h"
#include "runtime/Program/Indices.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/Parts.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/File.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stc::run {

using namespace runtime;

// A .npy file has no bf16, and few programs write f16: floats of 16 bits are f32 in a file.
static program::DType inFile(const program::Tensor &tensor) {
  return isNarrow(tensor.dtype()) ? program::DType::F32 : tensor.dtype();
}

std::string describeInFile(const program::Program &program, const program::Tensor &tensor) {
  return fmt::format("{}[{}]", dtypeName(inFile(tensor)),
                     fmt::join(wholeShape(program, tensor), ", "));
}

static Result<std::vector<std::byte>>
readInput(const std::string &path, const program::Program &program, const program::Tensor &tensor) {
  Result<NpyArray> array = readNpy(path);
  if (!array)
    return forward(array);
  if (array->dtype != inFile(tensor) || array->shape != wholeShape(program, tensor))
    return fail(fmt::format("{}: expected {} for input '{}', found {}", path,
                            describeInFile(program, tensor), tensor.name()->str(),
                            describe(*array)));
  if (auto checked = checkIndices(tensor, array->data); !checked)
    return fail(path + ": " + checked.error().message);
  if (!isNarrow(tensor.dtype()))
    return std::move(array->data);
  std::span floats(reinterpret_cast<const float *>(array->data.data()),
                   array->data.size() / sizeof(float));
  return narrow(tensor.dtype(), floats);
}

Result<std::vector<std::vector<std::byte>>> readInputs(const program::Program &program,
                                                       const program::Entry &entry,
                                                       const std::vector<std::string> &paths) {
  if (paths.size() != entry.inputs()->size())
    return fail(fmt::format("entry '{}': expected a file for each of {} inputs, found {}",
                            entry.name()->str(), entry.inputs()->size(), paths.size()));
  std::vector<std::vector<std::byte>> inputs;
  for (uint32_t i = 0; i < paths.size(); ++i) {
    auto input = readInput(paths[i], program, *entry.inputs()->Get(i));
    if (!input)
      return forward(input);
    inputs.push_back(std::move(*input));
  }
  return inputs;
}

Result<void> writeOutput(const std::string &path, const program::Tensor &tensor,
                         Executor &executor) {
  std::vector<std::byte> data(wholeBytes(executor.program(), tensor));
  if (auto got = executor.readWhole(tensor, data); !got || !executor.isFirst())
    return got;
  const std::vector<int64_t> shape = wholeShape(executor.program(), tensor);
  if (!isNarrow(tensor.dtype()))
    return writeNpy(path, tensor.dtype(), shape, data);
  std::vector<float> floats = widen(tensor.dtype(), data);
  return writeNpy(path, program::DType::F32, shape, std::as_bytes(std::span(floats)));
}

} // namespace stc::run

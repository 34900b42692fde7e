//===- Signature.cpp - the inputs and outputs that a model's entries have --------------===//
#include "runtime/Program/Signature.h"
#include "runtime/Program/Parts.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stc::runtime {

using Tensors = flatbuffers::Vector<flatbuffers::Offset<program::Tensor>>;

namespace {

using Sizes = std::map<std::string_view, int64_t>;

// Binds the names of the shape that have no size yet.
bool fits(const program::Program &program, const program::Tensor &tensor, const Expected &expected,
          Sizes &sizes) {
  const std::vector<int64_t> shape = wholeShape(program, tensor);
  if (tensor.dtype() != expected.dtype || shape.size() != expected.shape.size())
    return false;
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] <= 0 || sizes.try_emplace(expected.shape[i], shape[i]).first->second != shape[i])
      return false;
  return true;
}

Result<void> require(const program::Program &program, const Tensors &tensors,
                     std::span<const Expected> wanted, const char *what, Sizes &sizes) {
  for (const Expected &expected : wanted) {
    Sizes before = sizes;
    const program::Tensor *tensor = findTensor(tensors, expected.name);
    if (tensor && fits(program, *tensor, expected, sizes))
      continue;
    std::string text = fmt::format("expected {} '{}' {}[{}]", what, expected.name,
                                   dtypeName(expected.dtype), fmt::join(expected.shape, ", "));
    for (auto [name, size] : before)
      if (std::ranges::find(expected.shape, name) != expected.shape.end())
        text += fmt::format(" with {} = {}", name, size);
    return fail(fmt::format("{}, found {}", text, tensor ? describe(*tensor) : "none"));
  }
  return {};
}

} // namespace

int findEntry(const program::Program &program, std::string_view name) {
  for (uint32_t i = 0; i < program.entries()->size(); ++i)
    if (program.entries()->Get(i)->name()->string_view() == name)
      return static_cast<int>(i);
  return -1;
}

const program::Tensor *findTensor(const Tensors &tensors, std::string_view name) {
  for (const program::Tensor *tensor : tensors)
    if (tensor->name()->string_view() == name)
      return tensor;
  return nullptr;
}

Result<Signature> requireEntry(const program::Program &program, std::string_view name,
                               std::span<const Expected> inputs,
                               std::span<const Expected> outputs) {
  int index = findEntry(program, name);
  if (index < 0)
    return fail(fmt::format("program '{}' has no entry '{}'",
                            printable(program.name()->string_view()), name));
  const program::Entry &entry = *program.entries()->Get(index);
  Signature signature{static_cast<uint32_t>(index), {}};
  Result<void> required = require(program, *entry.inputs(), inputs, "input", signature.sizes);
  if (required)
    required = require(program, *entry.outputs(), outputs, "output", signature.sizes);
  if (!required)
    return fail(fmt::format("entry '{}': {}", name, required.error().message));
  for (const program::Tensor *tensor : *entry.inputs())
    if (std::ranges::find(inputs, tensor->name()->string_view(), &Expected::name) == inputs.end())
      return fail(fmt::format("entry '{}': expected no input '{}'", name,
                              printable(tensor->name()->string_view())));
  return signature;
}

} // namespace stc::runtime

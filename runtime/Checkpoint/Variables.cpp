//===- Variables.cpp - the first values of a program's variables ------------------===//
#include "runtime/Checkpoint/Variables.h"
#include "runtime/Program/Signature.h"
#include "runtime/Program/Tensor.h"

#include <fmt/format.h>

namespace stc::runtime {

Result<void> setInteger(Executor &executor, const program::Tensor &tensor, int64_t value) {
  int32_t narrow = static_cast<int32_t>(value);
  if (elements(tensor) == 1 && tensor.dtype() == program::DType::I64)
    return executor.write(tensor, std::as_bytes(std::span(&value, 1)));
  if (elements(tensor) == 1 && tensor.dtype() == program::DType::I32)
    return executor.write(tensor, std::as_bytes(std::span(&narrow, 1)));
  return fail(fmt::format("expected '{}' to be an i32 or i64 scalar, found {}",
                          tensor.name()->str(), describe(tensor)));
}

Result<void> initialize(Executor &executor, int64_t seed) {
  int index = findEntry(executor.program(), "init");
  if (index < 0)
    return {};
  const program::Entry &entry = *executor.program().entries()->Get(index);
  for (const program::Tensor *input : *entry.inputs()) {
    if (input->name()->string_view() != "seed")
      return fail(fmt::format("expected entry 'init' to take a seed, found input '{}'",
                              input->name()->str()));
    if (auto set = setInteger(executor, *input, seed); !set)
      return set;
  }
  return executor.run(index);
}

} // namespace stc::runtime

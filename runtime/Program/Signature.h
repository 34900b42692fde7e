//===- Signature.h - the inputs and outputs that a model's entries have ----------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace stc::runtime {

/// Which of a program's entries are wanted, by name; without a function, all.
using EntryFilter = std::function<bool(std::string_view name)>;

/// The index of the entry of that name, or -1.
int findEntry(const program::Program &program, std::string_view name);

/// The tensor of that name, or null.
const program::Tensor *
findTensor(const flatbuffers::Vector<flatbuffers::Offset<program::Tensor>> &tensors,
           std::string_view name);

/// A tensor that an entry must have: i32[batch, n]. A name stands for the same positive size
/// wherever it is.
struct Expected {
  std::string_view name;
  program::DType dtype;
  std::vector<std::string_view> shape;
};

/// An entry that was found to fit, and the sizes that the names stand for, over all devices.
struct Signature {
  uint32_t entry = 0;
  std::map<std::string_view, int64_t> sizes;
};

/// The entry of that name, with exactly these inputs, in any order, and at least these outputs;
/// what is different is an error.
Result<Signature> requireEntry(const program::Program &program, std::string_view name,
                               std::span<const Expected> inputs, std::span<const Expected> outputs);

} // namespace stc::runtime

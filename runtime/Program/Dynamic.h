//===- Dynamic.h - entries whose sizes each call gives ------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <span>
#include <vector>

namespace stc::runtime {

inline bool isDynamic(const program::Entry &entry) { return entry.parameters() != nullptr; }

/// What the schema cannot say of an entry: one of dynamic sizes is, for the examples, what its
/// numbers say; another one launches no kernel of dynamic sizes.
Result<void> checkDynamic(const program::Program &program, const program::Entry &entry);

/// The number of the input, else behind these of the output, else behind these of the intermediate
/// that begins at an offset; as many as there are if none does.
uint32_t memoryAt(const program::Entry &entry, uint64_t offset);

/// Error: a call cannot give these parameters, of which it says what is expected.
Result<void> checkParameters(const program::Entry &entry, std::span<const int64_t> parameters);

/// Where intermediates lie in the memory that a call gives for them, each at a multiple of 256
/// bytes, and how many bytes that takes.
struct Workspace {
  std::vector<uint64_t> offsets;
  uint64_t bytes = 0;
};
Result<Workspace> workspaceOf(const program::Entry &entry, std::span<const int64_t> parameters);

} // namespace stc::runtime

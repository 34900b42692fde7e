//===- KernelLibrary.h - a program's generated code -------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace stc::runtime {

/// A generated function: runs one item of a launch.
using KernelFunction = void (*)(void *const *buffers, const int64_t *sizes, int64_t item,
                                void *scratch);

/// The shared object of a program, loaded from memory, with all its kernels resolved.
class KernelLibrary {
public:
  /// Errors: a target or a CPU feature that this machine does not have (Machine), a kernel that is
  /// not in the code (Input).
  static Result<KernelLibrary> load(const program::Program &program);

  KernelFunction kernel(uint32_t index) const { return functions[index]; }

private:
  /// The file in memory stays open as long as the code is loaded: the dynamic loader tells objects
  /// apart by their names, and the name is the descriptor's.
  struct Closer {
    int descriptor;
    void operator()(void *handle) const;
  };
  using Handle = std::unique_ptr<void, Closer>;
  static Result<Handle> openFromMemory(std::span<const uint8_t> code);

  Handle handle;
  std::vector<KernelFunction> functions;
};

/// The first feature that the program uses and this machine lacks (names of /proc/cpuinfo), or
/// null.
const flatbuffers::String *missingFeature(const program::Program &program);

} // namespace stc::runtime

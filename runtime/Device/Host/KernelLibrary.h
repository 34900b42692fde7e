//===- KernelLibrary.h - a program's generated code -------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <memory>
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
  struct Closer {
    void operator()(void *handle) const;
  };
  std::unique_ptr<void, Closer> handle;
  std::vector<KernelFunction> functions;
};

/// The first feature that the program uses and this machine lacks (names of /proc/cpuinfo), or
/// null.
const flatbuffers::String *missingFeature(const program::Program &program);

} // namespace stc::runtime

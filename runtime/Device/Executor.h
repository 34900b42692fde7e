//===- Executor.h - a program bound to a device -------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace stc::runtime {

/// Seconds spent, by kernel (in the program's order), in products and in copies.
struct Profile {
  std::vector<double> kernels;
  double gemm = 0, copy = 0;
  /// Multiply-adds of the products, times two.
  double gemmFlops = 0;
};

/// A program bound once to the memory and the code of a device; after that a run allocates nothing
/// and decides nothing. For the thread that made it.
class Executor {
public:
  virtual ~Executor() = default;

  const program::Program &program() const { return source; }

  /// Runs one entry of the program, by its index, to its end. Inputs are set before, outputs read
  /// after: an output stays until the next run.
  virtual Result<void> run(uint32_t entry) = 0;
  /// The same, and the seconds that it took by the device's clock. A profile, if one is given, is
  /// added to, which may make the whole slower.
  virtual Result<double> time(uint32_t entry, Profile *profile = nullptr) = 0;

  /// The bytes of a tensor of the program, which are as many as it has.
  virtual Result<void> write(const program::Tensor &tensor, std::span<const std::byte> bytes) = 0;
  virtual Result<std::vector<std::byte>> read(const program::Tensor &tensor) = 0;

protected:
  explicit Executor(const program::Program &program) : source(program) {}

  const program::Program &source;
};

} // namespace stc::runtime

//===- Ceilings.h - what a device comes to at best -----------------------------------===//
//
// Machines differ and are noisy: a figure means something beside others that were taken on the same
// device between its own repetitions. Here, a large dense product by the library that programs use,
// and a large copy: no kernel multiplies or moves bytes much faster.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstdint>

namespace stc::runtime {

/// A second.
struct Rates {
  /// Of the product: a multiplication and an addition are two. Of the copy: read and written.
  double flops = 0, bytes = 0;
};

class Ceilings {
public:
  virtual ~Ceilings() = default;

  /// Does both once. Error (Machine): what the device says.
  virtual Result<Rates> measure() = 0;
  /// The product is of two square matrices of so many rows.
  virtual int64_t productSize() const = 0;
  /// What a copy reads and writes.
  virtual uint64_t copyBytes() const = 0;
  /// Memory of this process that it holds.
  virtual uint64_t residentBytes() const = 0;
};

/// The type in which a program does most of its products: of the dense ones, or where there is
/// none, of its first input of floats.
program::DType productType(const program::Program &program);

} // namespace stc::runtime

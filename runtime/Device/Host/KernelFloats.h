//===- KernelFloats.h - how kernels compute with floats -----------------------------===//
#pragma once

#include <xmmintrin.h>

namespace stc::runtime {

/// While it lives, this thread rounds to nearest, raises no signal, and takes denormal numbers for
/// zeros, as operands and as results: on Intel's CPUs each of them costs more than a hundred cycles
/// in an instruction that takes four. What the thread had before comes back.
class KernelFloats {
public:
  KernelFloats() : before(_mm_getcsr()) { _mm_setcsr(control); }
  ~KernelFloats() { _mm_setcsr(before); }
  KernelFloats(const KernelFloats &) = delete;
  KernelFloats &operator=(const KernelFloats &) = delete;

private:
  static constexpr unsigned denormalsAreZero = 1 << 6, flushToZero = 1 << 15;
  static constexpr unsigned control = _MM_MASK_MASK | denormalsAreZero | flushToZero;

  unsigned before;
};

} // namespace stc::runtime

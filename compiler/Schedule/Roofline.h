//===- Roofline.h - the time that no kernel beats ---------------*- C++ -*-===//
//
// Pure functions of what a kernel has to do. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Schedule/AttentionWork.h"

#include <algorithm>
#include <string_view>

namespace stc {

/// What a GPU does in a second at most, by its data sheet: products of 16-bit floats and of TF32,
/// and bytes of memory.
struct GpuPeaks {
  std::string_view name;
  double narrowFlops, tf32Flops, bytes;
};
inline constexpr GpuPeaks a100Peaks{"A100", 312e12, 156e12, 2.04e12},
    h100Peaks{"H100", 989e12, 494e12, 3.03e12};

/// Seconds of the products alone, and of the bytes alone.
struct Roofline {
  double products = 0, memory = 0;

  double seconds() const { return std::max(products, memory); }
};

/// A product of float32 is three of TF32.
inline Roofline rooflineOf(const AttentionWork &work, int64_t elementBytes, const GpuPeaks &peaks) {
  double flops = elementBytes == 2 ? peaks.narrowFlops : peaks.tf32Flops / 3;
  return {double(work.flops) / flops, double(work.bytes) / peaks.bytes};
}

} // namespace stc

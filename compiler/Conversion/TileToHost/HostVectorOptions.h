//===- HostVectorOptions.h - the shape of the host's vector code -*- C++ -*-===//
#pragma once

#include <cstdint>

namespace stc {

/// Register tiles that fill a CPU's vector registers. The defaults suit AVX-512: 16 accumulators of
/// 16 lanes leave half of the 32 registers for operands.
struct HostVectorOptions {
  /// float32 lanes of a vector.
  int64_t lanes = 16;
  /// Vectors of queries side by side: a strip has lanes * stripVectors queries.
  int64_t stripVectors = 2;
  /// Rows of a register tile.
  int64_t microRows = 8;

  int64_t strip() const { return lanes * stripVectors; }
};

} // namespace stc

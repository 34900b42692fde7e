//===- SharedMemory.h - shared memory of GPUs -------------------*- C++ -*-===//
#pragma once

#include <cstdint>

namespace stc {

/// Bytes of shared memory that a block may have: of all GPUs from compute capability 8.0 on, and of
/// those of 9.0.
inline constexpr int64_t kSharedBytesOfSm80 = 99 << 10, kSharedBytesOfSm90 = 227 << 10;

} // namespace stc

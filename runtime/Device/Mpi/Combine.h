//===- Combine.h - elements of several arrays, made one ----------------------------------===//
#pragma once

#include "runtime/Device/Communicator.h"

namespace stc::runtime::mpi {

/// result = the arrays combined element by element in their order: (a0 + a1) + a2, ... They begin
/// every `stride` bytes, and the result is none of them. Floats are those of kernels
/// (KernelFloats.h); BF16 and F16 are rounded once, at the end.
void combine(const std::byte *arrays, uint64_t stride, int count, std::byte *result,
             uint64_t elements, program::DType type, Reduction how);

} // namespace stc::runtime::mpi

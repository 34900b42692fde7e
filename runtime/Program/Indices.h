//===- Indices.h - inputs that kernels read tables by -----------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstddef>
#include <span>

namespace stc::runtime {

/// Of a tensor that holds indices: whether all are below its bound. Kernels would take another one
/// as the nearest index that there is.
Result<void> checkIndices(const program::Tensor &tensor, std::span<const std::byte> data);

} // namespace stc::runtime

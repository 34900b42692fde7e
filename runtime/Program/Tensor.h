//===- Tensor.h - sizes and names of the schema's tensors ------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"

#include <cstdint>
#include <optional>
#include <string>

namespace stc::runtime {

/// Of a tensor in any file that is read: more than NumPy has.
inline constexpr size_t maxDimensions = 64;

/// Bytes of an element, 0 for a value that is no dtype.
int64_t byteSize(program::DType dtype);

/// "f32", "i64", "bf16", ...
const char *dtypeName(program::DType dtype);

/// The product of the shape; no value if a dimension is negative or the bytes overflow.
std::optional<int64_t> checkedElements(const program::Tensor &tensor);

/// The same of a tensor of a checked program.
int64_t elements(const program::Tensor &tensor);
int64_t bytes(const program::Tensor &tensor);

/// "f32[4, 128]"; a scalar is "f32[]".
std::string describe(const program::Tensor &tensor);

} // namespace stc::runtime

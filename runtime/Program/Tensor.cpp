//===- Tensor.cpp - sizes and names of the schema's tensors ----------------------===//
#include "runtime/Program/Tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stc::runtime {

using program::DType;

int64_t byteSize(DType dtype) {
  switch (dtype) {
  case DType::U8:
  case DType::I1:
    return 1;
  case DType::BF16:
  case DType::F16:
    return 2;
  case DType::F32:
  case DType::I32:
    return 4;
  case DType::F64:
  case DType::I64:
    return 8;
  }
  return 0;
}

const char *dtypeName(DType dtype) {
  switch (dtype) {
  case DType::U8:
    return "u8";
  case DType::I1:
    return "i1";
  case DType::BF16:
    return "bf16";
  case DType::F16:
    return "f16";
  case DType::F32:
    return "f32";
  case DType::I32:
    return "i32";
  case DType::F64:
    return "f64";
  case DType::I64:
    return "i64";
  }
  return "?";
}

std::optional<int64_t> checkedElements(const program::Tensor &tensor) {
  int64_t count = 1, total;
  for (int64_t size : *tensor.shape())
    if (size < 0 || __builtin_mul_overflow(count, size, &count))
      return std::nullopt;
  if (__builtin_mul_overflow(count, byteSize(tensor.dtype()), &total))
    return std::nullopt;
  return count;
}

int64_t elements(const program::Tensor &tensor) {
  int64_t count = 1;
  for (int64_t size : *tensor.shape())
    count *= size;
  return count;
}

int64_t bytes(const program::Tensor &tensor) { return elements(tensor) * byteSize(tensor.dtype()); }

std::string describe(const program::Tensor &tensor) {
  return fmt::format("{}[{}]", dtypeName(tensor.dtype()),
                     fmt::join(tensor.shape()->begin(), tensor.shape()->end(), ", "));
}

} // namespace stc::runtime

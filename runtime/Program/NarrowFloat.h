//===- NarrowFloat.h - floats of 16 bits --------------------------------------------===//
//
// For dtypes BF16 and F16: their bits to float32, which is exact, and back, rounded to the nearest,
// ties to even.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace stc::runtime {

inline bool isNarrow(program::DType dtype) {
  return dtype == program::DType::BF16 || dtype == program::DType::F16;
}

inline float widen(program::DType dtype, uint16_t bits) {
  if (dtype == program::DType::BF16)
    return std::bit_cast<float>(uint32_t(bits) << 16);
  return static_cast<float>(std::bit_cast<_Float16>(bits));
}

inline uint16_t narrow(program::DType dtype, float value) {
  if (dtype == program::DType::F16)
    return std::bit_cast<uint16_t>(static_cast<_Float16>(value));
  auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) // whose payload may be in the lower half alone
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// The same of an array's bytes.
inline std::vector<float> widen(program::DType dtype, std::span<const std::byte> data) {
  std::vector<float> values(data.size() / sizeof(uint16_t));
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, data.data() + i * sizeof(bits), sizeof(bits));
    values[i] = widen(dtype, bits);
  }
  return values;
}

inline std::vector<std::byte> narrow(program::DType dtype, std::span<const float> values) {
  std::vector<std::byte> data(values.size() * sizeof(uint16_t));
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits = narrow(dtype, values[i]);
    std::memcpy(data.data() + i * sizeof(bits), &bits, sizeof(bits));
  }
  return data;
}

} // namespace stc::runtime

//===- NpyFile.h - NumPy's array files ----------------------------------------------===//
//
// Reads and writes .npy (format 1.0, and 2.0 on reading): little-endian f2, f4, f8, i4, i8, u1 and
// bool in C order. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

struct NpyArray {
  program::DType dtype = program::DType::F32;
  std::vector<int64_t> shape;
  std::vector<std::byte> data;
};

Result<NpyArray> readNpy(const std::string &path);

/// The same from the bytes of a file.
Result<NpyArray> decodeNpy(std::span<const std::byte> bytes);

/// `data` has the bytes that shape and dtype say. The file appears whole or not at all. Errors also
/// on a dtype that .npy does not know (bf16).
Result<void> writeNpy(const std::string &path, program::DType dtype, std::span<const int64_t> shape,
                      std::span<const std::byte> data);

/// "f32[4, 128]", as describe() of a tensor.
std::string describe(const NpyArray &array);

} // namespace stc::runtime

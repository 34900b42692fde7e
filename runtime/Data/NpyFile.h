//===- NpyFile.h - NumPy's array files ----------------------------------------------===//
//
// Reads and writes .npy (format 1.0, and 2.0 on reading): little-endian f2, f4, f8, i4, i8, u1 and
// bool in C order. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

struct NpyHeader {
  program::DType dtype = program::DType::F32;
  std::vector<int64_t> shape;
  /// Where the data starts in the file, and how many bytes of it the shape asks for.
  int64_t dataStart = 0, dataBytes = 0;
};

/// Whether a file that starts so means to be one.
bool isNpy(std::span<const std::byte> start);

/// Reads the header from a file's first bytes (all of it, or some thousand). Messages name no file.
Result<NpyHeader> parseNpyHeader(std::span<const std::byte> bytes);

struct NpyArray {
  program::DType dtype = program::DType::F32;
  std::vector<int64_t> shape;
  std::vector<std::byte> data;
};

Result<NpyArray> readNpy(const std::string &path);

/// `data` has the bytes that shape and dtype say. The file appears whole or not at all. Errors also
/// on a dtype that .npy does not know (bf16).
Result<void> writeNpy(const std::string &path, program::DType dtype, std::span<const int64_t> shape,
                      std::span<const std::byte> data);

/// Writes a u8 array of records of one shape ([n, record...]) piece by piece, when n is not yet
/// known. The file appears whole with commit(), or not at all.
class NpyWriter {
public:
  static Result<NpyWriter> create(const std::string &path, std::vector<int64_t> record);

  /// Bytes of records, in pieces of any size; in all, whole records.
  Result<void> write(std::span<const uint8_t> data);

  /// Bytes written so far. cutTo() takes back what was written after the first `bytes` of them.
  int64_t size() const { return written; }
  Result<void> cutTo(int64_t bytes);

  /// Reads and replaces bytes that were written before.
  Result<void> readAt(int64_t offset, std::span<uint8_t> data) const;
  Result<void> writeAt(int64_t offset, std::span<const uint8_t> data);

  Result<void> commit();

private:
  NpyWriter(AtomicFile file, std::vector<int64_t> record);

  AtomicFile file;
  std::vector<int64_t> record;
  int64_t recordBytes = 1, written = 0;
};

/// "f32[4, 128]", as describe() of a tensor.
std::string describe(const NpyArray &array);
std::string describe(const NpyHeader &header);

} // namespace stc::runtime

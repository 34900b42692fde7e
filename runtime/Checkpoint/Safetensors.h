//===- Safetensors.h - named tensors in a file ------------------------------------------===//
//
// The safetensors format (https://huggingface.co/docs/safetensors): the length of the header (u64),
// a JSON header, the data. Reading is strict: the tensors cover the data exactly, in some order.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

struct NamedTensor {
  std::string name;
  program::DType dtype = program::DType::F32;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;
};

/// What was written: XXH3-64 of all bytes, and how many they are.
struct WrittenFile {
  uint64_t checksum = 0, bytes = 0;
};

/// Writes a file tensor by tensor. It appears whole, with commit(), or not at all.
class SafetensorsWriter {
public:
  /// The data that the tensors point to do not count.
  static Result<SafetensorsWriter> create(const std::string &path,
                                          std::span<const NamedTensor> tensors);
  SafetensorsWriter(SafetensorsWriter &&other) noexcept;
  SafetensorsWriter &operator=(SafetensorsWriter &&other) noexcept;
  ~SafetensorsWriter();

  /// The data of the next tensor, which are as many bytes as its shape says.
  Result<void> write(std::span<const std::byte> data);
  Result<WrittenFile> commit();

private:
  struct File;
  explicit SafetensorsWriter(std::unique_ptr<File> file);
  std::unique_ptr<File> file;
};

/// Writes the tensors in this order. The file appears whole or not at all.
Result<void> writeSafetensors(const std::string &path, std::span<const NamedTensor> tensors);

/// The tensors in the bytes of a file, in the order of their data, which point into the bytes.
Result<std::vector<NamedTensor>> readSafetensors(std::span<const std::byte> bytes);

/// A mapped file, or all shards of an index (Shards.h); the tensors' data point into them.
class SafetensorsFile {
public:
  /// Errors: no such file, or none of this format; an index and shards that do not have the same
  /// tensors.
  static Result<SafetensorsFile> open(const std::string &path);

  const std::vector<NamedTensor> &tensors() const { return list; }
  /// As MappedFile's.
  Result<void> check() const;

private:
  Result<void> add(const std::string &path);
  Result<void> addShards(const std::string &index);

  std::vector<MappedFile> files;
  std::vector<NamedTensor> list;
};

} // namespace stc::runtime

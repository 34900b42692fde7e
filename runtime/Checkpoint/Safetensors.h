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
#include <functional>
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

/// Writes the tensors, whose data have the bytes that their shapes say, in this order. The file
/// appears whole or not at all. Returns its checksum, XXH3-64 of all its bytes.
Result<uint64_t> writeSafetensors(const std::string &path, std::span<const NamedTensor> tensors);
/// The same, where the data of tensor k are what read(k) gives, until its next call, in place of
/// those that it names.
Result<uint64_t>
writeSafetensors(const std::string &path, std::span<const NamedTensor> tensors,
                 const std::function<Result<std::span<const std::byte>>(size_t)> &read);

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

//===- Shards.h - tensors in several safetensors files ------------------------------------===//
//
// As Hugging Face's libraries have them: in place of x.safetensors there are
// x-00001-of-00004.safetensors and so on, each with whole tensors, and x.safetensors.index.json:
//   {"metadata": {"total_size": 512}, "weight_map": {"bias": "x-00001-of-00004.safetensors", ...}}
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stc::runtime {

/// For each tensor, of so many bytes, its shard. Shards follow the order of the tensors, and none
/// has more than its share of the bytes and one tensor beside it. Some may have no tensor.
std::vector<size_t> dealToShards(std::span<const uint64_t> bytes, size_t shards);

/// The files in place of one; of a single shard, that one itself.
std::vector<std::string> shardNames(std::string_view file, size_t shards);

/// The shard that has a tensor.
using ShardIndex = std::map<std::string, std::string>;

/// The file of an index, in place of one with all tensors.
std::string indexName(std::string_view file);
bool isIndex(std::string_view path);
std::string printIndex(const ShardIndex &shardOf, uint64_t totalBytes);
/// Error: a file that is no index, or one that names files elsewhere.
Result<ShardIndex> readIndex(const std::string &path);

/// Whether it is the name of a file in the same folder, which a message can show.
bool isFileName(std::string_view name);

} // namespace stc::runtime

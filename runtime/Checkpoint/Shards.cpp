//===- Shards.cpp - tensors in several safetensors files ----------------------------------===//
#include "runtime/Checkpoint/Shards.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace stc::runtime {

static constexpr std::string_view fileEnding = ".safetensors", indexEnding = ".index.json";

// Where a tensor's middle falls among equal parts of all bytes.
std::vector<size_t> dealToShards(std::span<const uint64_t> bytes, size_t shards) {
  const uint64_t total = std::accumulate(bytes.begin(), bytes.end(), uint64_t(0));
  std::vector<size_t> dealt;
  uint64_t before = 0;
  for (uint64_t size : bytes) {
    const uint64_t middle = 2 * before + size; // in halves of bytes
    dealt.push_back(
        std::min<uint64_t>(middle * shards / std::max(2 * total, uint64_t(1)), shards - 1));
    before += size;
  }
  return dealt;
}

std::vector<std::string> shardNames(std::string_view file, size_t shards) {
  if (shards == 1)
    return {std::string(file)};
  std::vector<std::string> names;
  const std::string_view stem = file.substr(0, file.size() - fileEnding.size());
  for (size_t shard = 1; shard <= shards; ++shard)
    names.push_back(fmt::format("{}-{:05}-of-{:05}{}", stem, shard, shards, fileEnding));
  return names;
}

std::string indexName(std::string_view file) { return fmt::format("{}{}", file, indexEnding); }

bool isIndex(std::string_view path) { return path.ends_with(indexEnding); }

std::string printIndex(const ShardIndex &shardOf, uint64_t totalBytes) {
  using nlohmann::ordered_json;
  ordered_json index = {{"metadata", {{"total_size", totalBytes}}}, {"weight_map", shardOf}};
  return index.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<ShardIndex> readIndex(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return forward(file);
  const nlohmann::ordered_json index = parseJson(file->text());
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
    return fail(fmt::format("{}: expected an index of safetensors files with a weight_map, found "
                            "one of {} bytes that begins with \"{}\"",
                            path, file->bytes().size(), printableStart(file->bytes())));
  ShardIndex shardOf;
  for (const auto &[tensor, shard] : index["weight_map"].items()) {
    if (!shard.is_string() || !isFileName(shard.get<std::string>()))
      return fail(fmt::format("{}: expected the file of '{}' beside it, found {}", path,
                              printable(tensor), printable(shard.dump())));
    shardOf[tensor] = shard;
  }
  if (auto whole = file->check(); !whole)
    return forward(whole);
  return shardOf;
}

bool isFileName(std::string_view name) {
  return !name.empty() && name.find('/') == name.npos && printable(name) == name;
}

} // namespace stc::runtime

//===- Safetensors.cpp - named tensors in a file ----------------------------------------===//
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Checkpoint/Shards.h"
#include "runtime/Program/Tensor.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace stc::runtime {

using nlohmann::json;
using program::DType;

namespace {

struct DTypeName {
  DType dtype;
  const char *name;
};
constexpr DTypeName dtypeNames[] = {{DType::F32, "F32"},   {DType::F64, "F64"}, {DType::I32, "I32"},
                                    {DType::I64, "I64"},   {DType::U8, "U8"},   {DType::I1, "BOOL"},
                                    {DType::BF16, "BF16"}, {DType::F16, "F16"}};

// Larger headers are refused, as by the format's own library.
constexpr uint64_t maxHeader = 100'000'000;

const char *safetensorsName(DType dtype) {
  for (const DTypeName &entry : dtypeNames)
    if (entry.dtype == dtype)
      return entry.name;
  return "";
}

// Parses without exceptions; a key that stands twice in one object counts as damage.
json parseHeader(const char *begin, const char *end) {
  std::vector<std::set<std::string>> keys;
  bool repeated = false;
  auto watch = [&](int, json::parse_event_t event, json &value) {
    if (event == json::parse_event_t::object_start)
      keys.emplace_back();
    else if (event == json::parse_event_t::object_end)
      keys.pop_back();
    else if (event == json::parse_event_t::key)
      repeated |= !keys.back().insert(value.get<std::string>()).second;
    return true;
  };
  json header = json::parse(begin, end, watch, /*allow_exceptions=*/false);
  return repeated ? json(json::value_t::discarded) : header;
}

std::optional<int64_t> asSize(const json &value) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > INT64_MAX)
    return std::nullopt;
  return value.get<int64_t>();
}

// Reads one entry of the header; returns what is wrong.
std::optional<std::string> parseTensor(const json &entry, std::span<const std::byte> data,
                                       NamedTensor &tensor) {
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets") || entry.size() != 3 || !entry["dtype"].is_string() ||
      !entry["shape"].is_array() || !entry["data_offsets"].is_array() ||
      entry["data_offsets"].size() != 2)
    return "expected dtype, shape and data_offsets";
  std::string name = entry["dtype"].get<std::string>();
  const auto *known = std::ranges::find_if(
      dtypeNames, [&](const DTypeName &candidate) { return candidate.name == name; });
  if (known == std::end(dtypeNames))
    return fmt::format("expected a known dtype, found '{}'", printable(name));
  tensor.dtype = known->dtype;
  if (entry["shape"].size() > maxDimensions)
    return fmt::format("expected at most {} dimensions, found {}", maxDimensions,
                       entry["shape"].size());
  int64_t bytes = byteSize(tensor.dtype);
  for (const json &value : entry["shape"]) {
    std::optional<int64_t> size = asSize(value);
    if (!size || __builtin_mul_overflow(bytes, *size, &bytes))
      return "expected a possible shape";
    tensor.shape.push_back(*size);
  }
  std::optional<int64_t> begin = asSize(entry["data_offsets"][0]),
                         end = asSize(entry["data_offsets"][1]);
  if (!begin || !end || *begin > *end || static_cast<uint64_t>(*end) > data.size())
    return fmt::format("expected offsets inside the {} bytes of data", data.size());
  if (*end - *begin != bytes)
    return fmt::format("expected {} bytes for its shape, found {}", bytes, *end - *begin);
  tensor.data = data.subspan(*begin, bytes);
  return std::nullopt;
}

} // namespace

static uint64_t bytesOf(const NamedTensor &tensor) {
  uint64_t bytes = byteSize(tensor.dtype);
  for (int64_t size : tensor.shape)
    bytes *= size;
  return bytes;
}

struct SafetensorsWriter::File {
  explicit File(AtomicFile atomic) : atomic(std::move(atomic)) { XXH3_64bits_reset(&checksum); }

  Result<void> write(std::span<const std::byte> more) {
    XXH3_64bits_update(&checksum, more.data(), more.size());
    bytes += more.size();
    return atomic.write(more);
  }

  AtomicFile atomic;
  XXH3_state_t checksum;
  uint64_t bytes = 0;
};

SafetensorsWriter::SafetensorsWriter(std::unique_ptr<File> file) : file(std::move(file)) {}
SafetensorsWriter::SafetensorsWriter(SafetensorsWriter &&) noexcept = default;
SafetensorsWriter &SafetensorsWriter::operator=(SafetensorsWriter &&) noexcept = default;
SafetensorsWriter::~SafetensorsWriter() = default;

Result<SafetensorsWriter> SafetensorsWriter::create(const std::string &path,
                                                    std::span<const NamedTensor> tensors) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "pt"}};
  uint64_t offset = 0;
  for (const NamedTensor &tensor : tensors) {
    header[tensor.name] = {{"dtype", safetensorsName(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + bytesOf(tensor)}}};
    offset += bytesOf(tensor);
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  uint64_t length = text.size();

  Result<AtomicFile> atomic = AtomicFile::create(path);
  if (!atomic)
    return forward(atomic);
  auto file = std::make_unique<File>(std::move(*atomic));
  Result<void> written = file->write(std::as_bytes(std::span(&length, 1))).and_then([&] {
    return file->write(std::as_bytes(std::span(text)));
  });
  if (!written)
    return forward(written);
  return SafetensorsWriter(std::move(file));
}

Result<void> SafetensorsWriter::write(std::span<const std::byte> data) { return file->write(data); }

Result<WrittenFile> SafetensorsWriter::commit() {
  return file->atomic.commit().map([&] {
    return WrittenFile{XXH3_64bits_digest(&file->checksum), file->bytes};
  });
}

Result<void> writeSafetensors(const std::string &path, std::span<const NamedTensor> tensors) {
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(path, tensors);
  if (!writer)
    return forward(writer);
  for (const NamedTensor &tensor : tensors)
    if (auto written = writer->write(tensor.data); !written)
      return written;
  Result<WrittenFile> written = writer->commit();
  return written ? Result<void>() : forward(written);
}

Result<std::vector<NamedTensor>> readSafetensors(std::span<const std::byte> bytes) {
  uint64_t length = 0;
  if (bytes.size() >= sizeof(length))
    std::memcpy(&length, bytes.data(), sizeof(length));
  if (bytes.size() < sizeof(length) || length > maxHeader || length > bytes.size() - sizeof(length))
    return fail(fmt::format("expected a safetensors file, found one of {} bytes that begins with "
                            "\"{}\"",
                            bytes.size(), printableStart(bytes)));
  const char *text = reinterpret_cast<const char *>(bytes.data()) + sizeof(length);
  json header = parseHeader(text, text + length);
  if (!header.is_object())
    return fail("expected a JSON object as the header of a safetensors file: it is damaged");

  std::vector<NamedTensor> tensors;
  std::span<const std::byte> data = bytes.subspan(sizeof(length) + length);
  for (const auto &[name, entry] : header.items()) {
    if (name == "__metadata__")
      continue;
    NamedTensor tensor{name, DType::F32, {}, {}};
    if (std::optional<std::string> error = parseTensor(entry, data, tensor))
      return fail(fmt::format("tensor '{}': {}", printable(name), *error));
    tensors.push_back(std::move(tensor));
  }
  std::ranges::sort(tensors, {}, [](const NamedTensor &tensor) {
    return std::pair(tensor.data.data(), tensor.data.size());
  });
  const std::byte *next = data.data();
  for (const NamedTensor &tensor : tensors) {
    if (tensor.data.data() != next)
      return fail(fmt::format("tensor '{}' overlaps another or leaves a gap before it",
                              printable(tensor.name)));
    next += tensor.data.size();
  }
  if (next != data.data() + data.size())
    return fail(fmt::format("expected the tensors to cover {} bytes of data, found {} covered",
                            data.size(), next - data.data()));
  return tensors;
}

Result<void> SafetensorsFile::add(const std::string &path) {
  Result<MappedFile> mapped = MappedFile::open(path);
  if (!mapped)
    return forward(mapped);
  Result<std::vector<NamedTensor>> tensors = readSafetensors(mapped->bytes());
  if (!tensors)
    return fail(path + ": " + tensors.error().message, tensors.error().kind);
  std::ranges::move(*tensors, std::back_inserter(list));
  files.push_back(std::move(*mapped));
  return {};
}

Result<void> SafetensorsFile::addShards(const std::string &index) {
  Result<ShardIndex> shardOf = readIndex(index);
  if (!shardOf)
    return forward(shardOf);
  std::set<std::string> shards;
  for (const auto &[tensor, shard] : *shardOf)
    shards.insert(shard);
  const std::string folder = index.substr(0, index.rfind('/') + 1);
  for (const std::string &shard : shards) {
    const size_t first = list.size();
    if (auto added = add(folder + shard); !added)
      return fail(
          fmt::format("{}: expected the files that it names: {}", index, added.error().message),
          added.error().kind);
    for (const NamedTensor &tensor : std::span(list).subspan(first)) {
      auto known = shardOf->find(tensor.name);
      if (known == shardOf->end() || known->second != shard)
        return fail(fmt::format("{}: expected '{}' in {}, found it in {}", index,
                                printable(tensor.name),
                                known == shardOf->end() ? "no file" : known->second, shard));
    }
  }
  for (const auto &[tensor, shard] : *shardOf)
    if (std::ranges::find(list, tensor, &NamedTensor::name) == list.end())
      return fail(fmt::format("{}: expected '{}' in {}, found it in no file", index,
                              printable(tensor), shard));
  return {};
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
  SafetensorsFile file;
  auto added = isIndex(path) ? file.addShards(path) : file.add(path);
  return added ? Result<SafetensorsFile>(std::move(file)) : forward(added);
}

Result<void> SafetensorsFile::check() const {
  for (const MappedFile &file : files)
    if (auto whole = file.check(); !whole)
      return whole;
  return {};
}

} // namespace stc::runtime

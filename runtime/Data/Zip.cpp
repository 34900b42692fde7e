//===- Zip.cpp - reading a member of a zip archive ------------------------------------------===//
#include "runtime/Data/Zip.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <zlib.h>

namespace stc::runtime {

namespace {

constexpr uint32_t localMagic = 0x04034b50, entryMagic = 0x02014b50, endMagic = 0x06054b50,
                   locatorMagic = 0x07064b50, end64Magic = 0x06064b50;
constexpr size_t localBytes = 30, entryBytes = 46, endBytes = 22, locatorBytes = 20,
                 end64Bytes = 56;
constexpr uint64_t maxCommentBytes = 0xffff;

// Reads little-endian numbers; a place outside of the archive has none.
class Fields {
public:
  explicit Fields(std::span<const std::byte> bytes) : bytes(bytes) {}

  bool has(uint64_t offset, uint64_t size) const {
    return offset <= bytes.size() && size <= bytes.size() - offset;
  }
  // The caller has checked that the place is inside.
  template <class T> T at(uint64_t offset) const {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
  }
  uint16_t u16(uint64_t offset) const { return at<uint16_t>(offset); }
  uint32_t u32(uint64_t offset) const { return at<uint32_t>(offset); }
  uint64_t u64(uint64_t offset) const { return at<uint64_t>(offset); }
  bool magic(uint64_t offset, uint32_t value, uint64_t size) const {
    return has(offset, size) && u32(offset) == value;
  }

private:
  std::span<const std::byte> bytes;
};

struct Directory {
  uint64_t offset, entries;
};

// The directory of all members stands at the archive's end, before a comment of any length.
std::optional<Directory> findDirectory(const Fields &fields, uint64_t size) {
  for (uint64_t back = endBytes; back <= size && back <= endBytes + maxCommentBytes; ++back) {
    uint64_t end = size - back;
    if (!fields.magic(end, endMagic, endBytes))
      continue;
    uint64_t locator = end - locatorBytes;
    if (end >= locatorBytes && fields.magic(locator, locatorMagic, locatorBytes)) {
      uint64_t end64 = fields.u64(locator + 8);
      if (!fields.magic(end64, end64Magic, end64Bytes))
        return std::nullopt;
      return Directory{fields.u64(end64 + 48), fields.u64(end64 + 32)};
    }
    return Directory{fields.u32(end + 16), fields.u16(end + 10)};
  }
  return std::nullopt;
}

struct Entry {
  uint16_t flags, method;
  uint32_t sum;
  uint64_t compressed, size, local;
};

// The zip64 field has those of the three numbers that did not fit, in this order.
bool readZip64(const Fields &fields, uint64_t offset, uint64_t end, Entry &entry) {
  while (end - offset >= 4) {
    uint64_t kind = fields.u16(offset), bytes = fields.u16(offset + 2);
    offset += 4;
    if (bytes > end - offset)
      return false;
    if (kind != 1) {
      offset += bytes;
      continue;
    }
    for (uint64_t *number : {&entry.size, &entry.compressed, &entry.local}) {
      if (*number != UINT32_MAX)
        continue;
      if (bytes < 8)
        return false;
      *number = fields.u64(offset);
      offset += 8;
      bytes -= 8;
    }
    return true;
  }
  return true;
}

constexpr const char *brokenDirectory = "broken zip archive: no sound directory at its end";

Result<Entry> findEntry(std::span<const std::byte> archive, std::string_view name) {
  Fields fields(archive);
  std::optional<Directory> directory = findDirectory(fields, archive.size());
  if (!directory)
    return fail(brokenDirectory);
  uint64_t at = directory->offset;
  for (uint64_t i = 0; i < directory->entries; ++i) {
    if (!fields.magic(at, entryMagic, entryBytes))
      return fail(brokenDirectory);
    uint64_t nameBytes = fields.u16(at + 28), extra = fields.u16(at + 30),
             comment = fields.u16(at + 32);
    if (!fields.has(at, entryBytes + nameBytes + extra + comment))
      return fail(brokenDirectory);
    std::string_view found(reinterpret_cast<const char *>(archive.data()) + at + entryBytes,
                           nameBytes);
    if (found == name) {
      Entry entry{fields.u16(at + 8),  fields.u16(at + 10), fields.u32(at + 16),
                  fields.u32(at + 20), fields.u32(at + 24), fields.u32(at + 42)};
      uint64_t extraStart = at + entryBytes + nameBytes;
      if (!readZip64(fields, extraStart, extraStart + extra, entry))
        return fail(brokenDirectory);
      return entry;
    }
    at += entryBytes + nameBytes + extra + comment;
  }
  return fail(fmt::format("expected a member {} in the zip archive, found none", name));
}

} // namespace

struct ZipMember::Inflater {
  z_stream stream = {};

  bool start() { return inflateInit2(&stream, -MAX_WBITS) == Z_OK; }
  ~Inflater() { inflateEnd(&stream); }
};

ZipMember::ZipMember(ZipMember &&) noexcept = default;
ZipMember::~ZipMember() = default;

bool isZip(std::span<const std::byte> bytes) { return Fields(bytes).magic(0, localMagic, 4); }

Result<ZipMember> ZipMember::open(std::span<const std::byte> archive, std::string_view name) {
  Result<Entry> entry = findEntry(archive, name);
  if (!entry)
    return forward(entry);
  if (entry->flags & 1)
    return fail(fmt::format("expected no encryption of member {} of the zip archive", name));
  if (entry->method != 0 && entry->method != Z_DEFLATED)
    return fail(
        fmt::format("expected member {} of the zip archive stored or deflated, found method "
                    "{}",
                    name, entry->method));
  Fields fields(archive);
  auto broken = [&] { return fail(fmt::format("broken zip archive: no member {}", name)); };
  if (!fields.magic(entry->local, localMagic, localBytes))
    return broken();
  uint64_t start =
      entry->local + localBytes + fields.u16(entry->local + 26) + fields.u16(entry->local + 28);
  bool stored = entry->method == 0;
  if (!fields.has(start, entry->compressed) || entry->size > INT64_MAX ||
      (stored && entry->size != entry->compressed))
    return broken();
  ZipMember member;
  member.rest = archive.subspan(start, entry->compressed);
  member.total = static_cast<int64_t>(entry->size);
  member.expectedSum = entry->sum;
  if (stored)
    return member;
  member.inflater = std::make_unique<Inflater>();
  if (!member.inflater->start())
    return fail("no memory to inflate", ErrorKind::Machine);
  return member;
}

Result<void> ZipMember::read(std::span<std::byte> out) {
  if (static_cast<int64_t>(out.size()) > total - done)
    return fail("broken zip archive: a member ends too early");
  // zlib counts in 32 bits.
  constexpr size_t step = size_t(1) << 30;
  for (size_t at = 0; at < out.size();) {
    std::span<std::byte> piece = out.subspan(at, std::min(step, out.size() - at));
    size_t filled = piece.size();
    if (!inflater) {
      std::memcpy(piece.data(), rest.data(), filled);
      rest = rest.subspan(filled);
    } else {
      z_stream &stream = inflater->stream;
      size_t given = std::min(step, rest.size());
      stream.next_in = reinterpret_cast<Bytef *>(const_cast<std::byte *>(rest.data()));
      stream.avail_in = static_cast<uInt>(given);
      stream.next_out = reinterpret_cast<Bytef *>(piece.data());
      stream.avail_out = static_cast<uInt>(filled);
      int status = inflate(&stream, Z_NO_FLUSH);
      filled -= stream.avail_out;
      rest = rest.subspan(given - stream.avail_in);
      // Without progress, Z_BUF_ERROR: the compressed bytes are at their end.
      if ((status != Z_OK && status != Z_STREAM_END) || (filled == 0 && status == Z_STREAM_END))
        return fail("broken zip archive: deflated data that does not inflate");
    }
    sum =
        static_cast<uint32_t>(crc32_z(sum, reinterpret_cast<const Bytef *>(piece.data()), filled));
    at += filled;
    done += static_cast<int64_t>(filled);
  }
  if (done == total && sum != expectedSum)
    return fail("broken zip archive: wrong checksum");
  return {};
}

} // namespace stc::runtime

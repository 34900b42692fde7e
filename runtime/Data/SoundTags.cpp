//===- SoundTags.cpp - what players put around a sound
//------------------------------------------===//
//
// ID3v2 (id3.org, "ID3 tag version 2.4.0", Sec. 3) in front; ID3v1 and APE (wiki.hydrogenaud.io,
// "APEv2 specification") behind.
//
//===----------------------------------------------------------------------===//
#include "runtime/Data/Audio.h"

#include <cstring>
#include <string_view>

namespace stc::runtime {

namespace {

constexpr size_t id3v2Header = 10, id3v1Bytes = 128, apeFooter = 32;

bool begins(std::span<const std::byte> bytes, std::string_view start) {
  return bytes.size() >= start.size() && std::memcmp(bytes.data(), start.data(), start.size()) == 0;
}

// Bytes of the tag that the file begins with, 0 if there is none. Its size has 7 bits a byte.
size_t tagInFront(std::span<const std::byte> file) {
  if (!begins(file, "ID3") || file.size() < id3v2Header)
    return 0;
  size_t size = 0;
  for (size_t i = 6; i < id3v2Header; ++i) {
    if (file[i] >= std::byte(0x80))
      return 0;
    size = size << 7 | std::to_integer<size_t>(file[i]);
  }
  bool footer = (file[5] & std::byte(0x10)) != std::byte(0);
  size += footer ? 2 * id3v2Header : id3v2Header;
  return size <= file.size() ? size : 0;
}

// The same of the file's end.
size_t tagBehind(std::span<const std::byte> file) {
  if (file.size() >= id3v1Bytes && begins(file.last(id3v1Bytes), "TAG"))
    return id3v1Bytes;
  if (file.size() < apeFooter || !begins(file.last(apeFooter), "APETAGEX"))
    return 0;
  std::span<const std::byte> footer = file.last(apeFooter);
  uint32_t size, flags; // of what stands before the footer, and the footer
  std::memcpy(&size, &footer[12], sizeof(size));
  std::memcpy(&flags, &footer[20], sizeof(flags));
  bool header = flags >> 31 != 0;
  size_t whole = size_t(size) + (header ? apeFooter : 0);
  return size >= apeFooter && whole <= file.size() ? whole : 0;
}

} // namespace

std::span<const std::byte> withoutTags(std::span<const std::byte> file) {
  while (size_t tag = tagInFront(file))
    file = file.subspan(tag);
  while (size_t tag = tagBehind(file))
    file = file.first(file.size() - tag);
  return file;
}

} // namespace stc::runtime

//===- FileKind.cpp - what a file is by its first bytes ---------------------------------------===//
//
// The marks are those of the formats' own specifications, and of the `file` command's data base.
//
//===----------------------------------------------------------------------===//
#include "runtime/Support/FileKind.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fmt/format.h>
#include <string_view>

namespace stc::runtime {

namespace {

using namespace std::string_view_literals;

struct Mark {
  FileKind kind;
  std::string_view start, then = {}; // `then` stands at byte `at`
  size_t at = 0;
};

constexpr FileKind::Content Picture = FileKind::Picture, Sound = FileKind::Sound,
                            Archive = FileKind::Archive;

// The first that fits counts.
constexpr Mark marks[] = {
    {{"a PNG picture", Picture}, "\x89PNG\r\n\x1a\n"sv},
    {{"a JPEG picture", Picture}, "\xff\xd8\xff"sv},
    {{"a GIF picture", Picture}, "GIF87a"sv},
    {{"a GIF picture", Picture}, "GIF89a"sv},
    {{"a WebP picture", Picture}, "RIFF"sv, "WEBP"sv, 8},
    {{"a TIFF picture", Picture}, "II*\0"sv},
    {{"a TIFF picture", Picture}, "MM\0*"sv},
    {{"a BMP picture", Picture}, "BM"sv, "\0\0\0\0"sv, 6},
    {{"a JPEG XL picture", Picture}, "\0\0\0\x0cJXL \r\n\x87\n"sv},
    {{"a JPEG 2000 picture", Picture}, "\0\0\0\x0cjP  \r\n\x87\n"sv},
    {{"a HEIF picture", Picture}, "\0\0\0"sv, "ftyphei"sv, 4},
    {{"a HEIF picture", Picture}, "\0\0\0"sv, "ftypmif1"sv, 4},
    {{"an AVIF picture", Picture}, "\0\0\0"sv, "ftypavif"sv, 4},
    {{"a Photoshop picture", Picture}, "8BPS\0\1"sv},
    {{"a WAV sound", Sound}, "RIFF"sv, "WAVE"sv, 8},
    {{"a WAV sound", Sound}, "RIFX"sv, "WAVE"sv, 8},
    {{"a WAV sound", Sound}, "RF64"sv, "WAVE"sv, 8},
    {{"a WAV sound", Sound}, "BW64"sv, "WAVE"sv, 8},
    {{"a FLAC sound", Sound}, "fLaC"sv},
    {{"an Ogg sound", Sound}, "OggS\0"sv},
    {{"an AIFF sound", Sound}, "FORM"sv, "AIF"sv, 8},
    {{"an AU sound", Sound}, ".snd\0\0\0"sv},
    {{"a CAF sound", Sound}, "caff\0\1"sv},
    {{"a Wave64 sound", Sound}, "riff\x2e\x91\xcf\x11"sv},
    {{"a WavPack sound", Sound}, "wvpk"sv, "\4"sv, 9},
    {{"a Monkey's Audio sound", Sound}, "MAC "sv, "\0\0\0\0"sv, 6},
    {{"a MIDI file", Sound}, "MThd\0\0\0\6"sv},
    {{"an M4A sound", Sound}, "\0\0\0"sv, "ftypM4A"sv, 4},
    {{"an MP4 video"}, "\0\0\0"sv, "ftyp"sv, 4},
    {{"an AVI video"}, "RIFF"sv, "AVI "sv, 8},
    {{"a Matroska or WebM video"}, "\x1a\x45\xdf\xa3"sv},
    {{"a Windows Media file"}, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"sv},
    {{"a gzip archive", Archive}, "\x1f\x8b\x08"sv},
    {{"a zip archive", Archive}, "PK\3\4"sv},
    {{"a zip archive", Archive}, "PK\5\6"sv},
    {{"an xz archive", Archive},
     "\xfd"
     "7zXZ\0"sv},
    {{"a zstd archive", Archive}, "\x28\xb5\x2f\xfd"sv},
    {{"a bzip2 archive", Archive}, "BZh"sv, "1AY&SY"sv, 4},
    {{"an lz4 archive", Archive}, "\x04\x22\x4d\x18"sv},
    {{"an lzip archive", Archive}, "LZIP\1"sv},
    {{"a 7-Zip archive", Archive}, "7z\xbc\xaf\x27\x1c"sv},
    {{"a RAR archive", Archive}, "Rar!\x1a\x07"sv},
    {{"a tar archive", Archive}, ""sv, "ustar"sv, 257},
    {{"a NumPy array"}, "\x93NUMPY"sv},
    {{"an HDF5 file"}, "\x89HDF\r\n\x1a\n"sv},
    {{"a Parquet file"}, "PAR1"sv},
    {{"an Arrow file"}, "ARROW1\0\0"sv},
    {{"an SQLite data base"}, "SQLite format 3\0"sv},
    {{"a pickle of Python"}, "\x80\4\x95"sv},
    {{"weights of GGUF"}, "GGUF"sv, "\0\0"sv, 6},
    {{"a compiled program (.stcp)"}, "STC-PROG"sv},
    {{"a PDF document"}, "%PDF-"sv},
    {{"an Office document"}, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv},
};

bool contains(std::span<const std::byte> bytes, size_t at, std::string_view mark) {
  if (bytes.size() < at)
    return false;
  std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  return text.substr(at).starts_with(mark);
}

unsigned byteAt(std::span<const std::byte> bytes, size_t at) {
  return std::to_integer<unsigned>(bytes[at]);
}

// Bytes of the tag that stands in front of sounds, 0 if there is none: ten, and a size of 7 bits a
// byte.
size_t id3Bytes(std::span<const std::byte> start) {
  if (!contains(start, 0, "ID3") || start.size() < 10 || byteAt(start, 3) > 9)
    return 0;
  size_t size = 10;
  for (size_t i = 6; i < 10; ++i) {
    if (byteAt(start, i) >= 0x80)
      return 0;
    size += size_t(byteAt(start, i)) << 7 * (9 - i);
  }
  return size;
}

// The bytes of a frame of MPEG audio, layer III (ISO 11172-3, Sec. 2.4.1.3), 0 if none is here.
size_t mp3Frame(std::span<const std::byte> bytes, size_t at) {
  if (bytes.size() < at + 4 || byteAt(bytes, at) != 0xff || (byteAt(bytes, at + 1) & 0xe6) != 0xe2)
    return 0;
  constexpr unsigned rates[] = {44100, 48000, 32000};
  constexpr unsigned kilobits[2][15] = {
      {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
      {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}};
  unsigned version = byteAt(bytes, at + 1) >> 3 & 3, bits = byteAt(bytes, at + 2);
  if (version == 1 || bits >> 4 == 15 || (bits >> 2 & 3) == 3)
    return 0;
  unsigned rate = rates[bits >> 2 & 3] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  unsigned kilobit = kilobits[version == 3][bits >> 4];
  return kilobit * 1000 * (version == 3 ? 144 : 72) / rate + (bits >> 1 & 1);
}

// Two frames, so that no text or noise looks like it.
bool isMp3(std::span<const std::byte> start) {
  size_t first = mp3Frame(start, 0);
  return first > 4 && mp3Frame(start, first) > 0;
}

// The size of a header in JSON, and its beginning.
bool isSafetensors(std::span<const std::byte> start) {
  uint64_t size;
  if (start.size() < 10)
    return false;
  std::memcpy(&size, start.data(), sizeof(size));
  return size < (uint64_t(1) << 30) && (contains(start, 8, "{\"") || contains(start, 8, "{}"));
}

} // namespace

const FileKind *fileKind(std::span<const std::byte> start) {
  static constexpr FileKind mp3 = {"an MP3 sound", Sound}, weights = {"weights (safetensors)"};
  if (size_t tag = id3Bytes(start)) {
    // What cannot be seen any more is what most have.
    const FileKind *inside = tag < start.size() ? fileKind(start.subspan(tag)) : nullptr;
    return inside ? inside : &mp3;
  }
  for (const Mark &mark : marks)
    if (contains(start, 0, mark.start) && contains(start, mark.at, mark.then))
      return &mark.kind;
  return isMp3(start) ? &mp3 : isSafetensors(start) ? &weights : nullptr;
}

std::string describeFile(std::span<const std::byte> start) {
  if (const FileKind *kind = fileKind(start))
    return kind->name;
  return fmt::format("a file that begins with \"{}\"", printableStart(start));
}

std::string adviceForBytes(const FileKind &kind) {
  const char *use = kind.content == FileKind::Archive ? "unpack it first"
                    : kind.content == FileKind::Picture
                        ? "stc-run prepare reads PNG and JPEG for a model of images"
                    : kind.content == FileKind::Sound
                        ? "stc-run prepare reads WAV, FLAC and Ogg Vorbis for a model of audio"
                        : "it is no plain text";
  return fmt::format("{}; stc-run prepare --raw takes any file's bytes as they are", use);
}

} // namespace stc::runtime

//===- DataFiles.h - small pictures and sounds for the tests
//-----------------------------------===//
#pragma once

#include "runtime/Data/Picture.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stc::runtime::test {

inline std::span<const std::byte> bytesOf(const std::string &text) {
  return std::as_bytes(std::span(text));
}

/// The bytes of a file that some other program wrote, two hexadecimal digits each.
std::string fromHex(std::string_view digits);

/// A file of PNG; `channels` are gray, gray and alpha, RGB, RGB and alpha.
std::string writePng(int64_t height, int64_t width, int channels, std::span<const uint8_t> pixels);
/// A file of PNG put together by hand from its chunks: depth and colour type as IHDR has them, the
/// rows as they are in the file, each behind a zero, and chunks that stand before the rows.
std::string assemblePng(int64_t height, int64_t width, int depth, int colorType,
                        const std::string &rows, const std::string &before = "");
std::string pngChunk(const std::string &name, const std::string &data);

/// A file of JPEG of high quality; 1 or 3 channels. Sampling factors are those of luma.
std::string writeJpeg(int64_t height, int64_t width, int channels, std::span<const uint8_t> pixels,
                      int horizontal = 1, int vertical = 1, bool progressive = false);

struct ZipMemberSpec {
  std::string name, contents;
  bool deflated = false, zip64 = false;
};
std::string writeZip(const std::vector<ZipMemberSpec> &members);

/// The start of a .npy file of u8.
std::string npyStart(const std::string &shape);

/// Numbers in the order of bytes that most files have, and in the other one.
template <class T> std::string little(T value) {
  return {reinterpret_cast<const char *>(&value), sizeof(T)};
}
template <class T> std::string big(T value) {
  std::string bytes = little(value);
  return {bytes.rbegin(), bytes.rend()};
}

/// Interleaved samples of -1 to 1. `format` 1 is PCM, 3 is float.
std::string writeWav(int format, int bits, int rate, int channels, std::span<const float> samples);
std::string writeFlac(int rate, int channels, std::span<const float> samples);
std::string writeVorbis(int rate, int channels, std::span<const float> samples, int serial = 1);
/// A stream of Ogg of one packet, which is one page.
std::string writeOggPage(int serial, const std::string &packet);

/// A tone of half the full range.
std::vector<float> tone(double frequency, double rate, int64_t samples);

} // namespace stc::runtime::test

//===- Wav.cpp - reading WAV ----------------------------------------------------------------===//
//
// RIFF chunks of "Multimedia Programming Interface and Data Specifications 1.0" (IBM and Microsoft,
// 1991), WAVE_FORMAT_EXTENSIBLE of Microsoft's "Multiple channel audio data and WAVE files", RIFX
// (the same with the other order of bytes), and the 64-bit sizes of RF64 and BW64 (EBU Tech 3306,
// ITU-R BS.2088).
//
//===----------------------------------------------------------------------===//
#include "runtime/Data/Audio.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <string_view>

namespace stc::runtime {

namespace {

constexpr uint16_t pcm = 1, ieeeFloat = 3, extensible = 0xfffe;
constexpr size_t riffHeader = 12, chunkHeader = 8, formatBytes = 16, extensibleBytes = 40,
                 subFormat = 24;
// What stands behind the format in a subformat: Microsoft's own, and that of ambisonic sounds.
constexpr std::string_view subFormatTails[] = {
    {"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71", 14},
    {"\0\0\x21\x07\xd3\x11\x86\x44\xc8\xc1\xca\0\0\0", 14}};
// Who writes into a pipe puts a number about here for the size that it does not know: 2^32 - 1,
// 2^31 - 1, SoX 0x7ffff000.
constexpr size_t leastStandIn = 0x7ff00000;

struct OtherFormat {
  uint16_t tag;
  const char *name;
};
constexpr OtherFormat otherFormats[] = {{2, "ADPCM"},        {6, "A-law"},  {7, "mu-law"},
                                        {0x11, "IMA ADPCM"}, {0x31, "GSM"}, {0x50, "MPEG"},
                                        {0x55, "MP3"},       {0xff, "AAC"}};

/// The bytes of a file and the order that its numbers have.
struct WavBytes {
  std::span<const std::byte> file;
  bool bigEndian;

  size_t size() const { return file.size(); }
  std::string_view text(size_t offset, size_t length = 4) const {
    return {reinterpret_cast<const char *>(file.data()) + offset, length};
  }
  /// An unsigned number of `bytes` bytes, 1 to 8.
  uint64_t number(size_t offset, size_t bytes) const {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i)
      value =
          value << 8 | std::to_integer<uint64_t>(file[offset + (bigEndian ? i : bytes - 1 - i)]);
    return value;
  }
};

struct WavFormat {
  uint16_t tag = 0, channels = 0, bits = 0, block = 0;
  uint32_t rate = 0;
  size_t sampleBytes() const { return block / channels; }
};

class WavReader : public AudioReader {
public:
  WavReader(const WavFormat &format, const WavBytes &data, std::string oddity)
      : format(format), data(data) {
    odd = std::move(oddity);
  }

  int64_t rate() const override { return format.rate; }

  Result<size_t> read(std::span<float> samples) override {
    size_t count = std::min(samples.size(), (data.size() - at) / format.block);
    for (size_t i = 0; i < count; ++i) {
      float sum = 0;
      for (size_t c = 0; c < format.channels; ++c, at += format.sampleBytes())
        sum += sample(at);
      samples[i] = sum / static_cast<float>(format.channels);
      if (!std::isfinite(samples[i]))
        return fail("broken WAV: a sample that is not a finite number");
    }
    return count;
  }

private:
  // Samples of up to 8 bits are unsigned, others signed. Bits that fill up the bytes are the
  // lowest.
  float sample(size_t offset) const {
    size_t bytes = format.sampleBytes();
    uint64_t value = data.number(offset, bytes);
    if (format.tag == ieeeFloat && bytes == 4)
      return __builtin_bit_cast(float, static_cast<uint32_t>(value));
    if (format.tag == ieeeFloat)
      return static_cast<float>(__builtin_bit_cast(double, value));
    if (bytes == 1)
      return (static_cast<float>(value) - 128) / 128;
    auto upper = static_cast<int32_t>(static_cast<uint32_t>(value << (32 - 8 * bytes)));
    return static_cast<float>(upper) * 0x1p-31f;
  }

  WavFormat format;
  WavBytes data;
  size_t at = 0;
};

std::string formatName(uint16_t tag) {
  for (const OtherFormat &other : otherFormats)
    if (other.tag == tag)
      return fmt::format("{} (format {})", other.name, tag);
  return fmt::format("format {}", tag);
}

Result<WavFormat> parseFormat(const WavBytes &chunk) {
  if (chunk.size() < formatBytes)
    return fail("broken WAV: a short format chunk");
  auto half = [&](size_t offset) { return static_cast<uint16_t>(chunk.number(offset, 2)); };
  WavFormat format{half(0), half(2), half(14), half(12), static_cast<uint32_t>(chunk.number(4, 4))};
  if (format.tag == extensible && chunk.size() >= extensibleBytes) {
    if (std::ranges::find(subFormatTails, chunk.text(subFormat + 2, 14)) ==
        std::end(subFormatTails))
      return fail("expected a WAV of PCM or float, found a subformat that is neither");
    format.tag = half(subFormat);
  }
  bool known = format.tag == pcm
                   ? format.bits >= 1 && format.bits <= 32
                   : format.tag == ieeeFloat && (format.bits == 32 || format.bits == 64);
  if (!known)
    return fail(fmt::format("expected a WAV of PCM of up to 32 bits or float of 32 or 64, found {} "
                            "of {} bits",
                            formatName(format.tag), format.bits));
  if (auto checked = checkAudioFormat(format.rate, format.channels); !checked)
    return forward(checked);
  size_t bytes = format.block % format.channels == 0 ? format.sampleBytes() : 0;
  // Samples of more bytes than they need have their bits in the upper ones.
  bool fits = format.tag == pcm && format.bits > 8 ? bytes * 8 >= format.bits && bytes <= 4
              : format.tag == pcm                  ? bytes == 1
                                                   : bytes * 8 == format.bits;
  if (!fits)
    return fail(fmt::format("broken WAV: expected blocks that hold {} samples of {} bits, found "
                            "blocks of {} bytes",
                            format.channels, format.bits, format.block));
  return format;
}

/// Goes through the chunks of a file up to its data.
class WavParser {
public:
  explicit WavParser(const WavBytes &wav)
      : wav(wav), sizes64(wav.text(0) == "RF64" || wav.text(0) == "BW64") {}

  Result<std::unique_ptr<AudioReader>> open();

private:
  bool isChunk(size_t offset) const;
  size_t behind(size_t offset, size_t size) const;
  Result<WavBytes> dataChunk(size_t offset, uint64_t size);
  Result<void> lookBehind(size_t offset);

  WavBytes wav;
  bool sizes64;
  std::optional<uint64_t> dataSize64;
  WavFormat format;
  std::string odd;
};

} // namespace

// Whether a chunk's name and size stand here.
bool WavParser::isChunk(size_t offset) const {
  if (wav.size() < offset || wav.size() - offset < chunkHeader)
    return false;
  return std::ranges::all_of(wav.text(offset), [](char c) { return c >= 0x20 && c < 0x7f; }) &&
         wav.number(offset + 4, 4) <= wav.size() - offset - chunkHeader;
}

// Chunks begin at even places, where writers know that.
size_t WavParser::behind(size_t offset, size_t size) const {
  size_t end = offset + size;
  return size % 2 == 0 || (isChunk(end) && !isChunk(end + 1)) ? end : std::min(end + 1, wav.size());
}

// The samples. Where nobody put in the size, they are all that follows.
Result<WavBytes> WavParser::dataChunk(size_t offset, uint64_t size) {
  size_t available = wav.size() - offset;
  bool isOpen = size > available && size >= leastStandIn;
  if (size == UINT32_MAX && dataSize64) {
    size = *dataSize64;
    isOpen = size > available && size >= INT64_MAX;
  }
  // A recorder that stops before the end leaves a zero.
  isOpen |= size == 0 && available > 0 && !isChunk(offset);
  if (isOpen) {
    odd = "the size of its data was never put in; all that follows is taken";
    size = available - available % format.block;
  }
  if (size > available)
    return fail(
        fmt::format("broken WAV: it is cut short, {} bytes of {} are there", available, size));
  if (size % format.block != 0)
    odd = "it ends within a sample";
  if (!isOpen)
    if (auto looked = lookBehind(behind(offset, size)); !looked)
      return forward(looked);
  return WavBytes{wav.file.subspan(offset, size), wav.bigEndian};
}

// What follows the data is known to be no sound, or is warned of.
Result<void> WavParser::lookBehind(size_t offset) {
  while (isChunk(offset)) {
    if (wav.text(offset) == "data")
      return fail("expected one data chunk in the WAV, found several");
    size_t size = wav.number(offset + 4, 4);
    offset = behind(offset + chunkHeader, size);
  }
  size_t rest = wav.size() - offset;
  bool padding = std::ranges::all_of(wav.file.subspan(offset),
                                     [](std::byte byte) { return byte == std::byte(0); });
  if (rest >= chunkHeader && !padding)
    odd = fmt::format("{} bytes behind its data are no chunk and are left out", rest);
  return {};
}

Result<std::unique_ptr<AudioReader>> WavParser::open() {
  for (size_t offset = riffHeader; wav.size() - offset >= chunkHeader;) {
    std::string_view name = wav.text(offset);
    uint64_t size = wav.number(offset + 4, 4);
    offset += chunkHeader;
    if (name == "data" && format.tag != 0) {
      Result<WavBytes> data = dataChunk(offset, size);
      if (!data)
        return forward(data);
      return std::make_unique<WavReader>(format, *data, std::move(odd));
    }
    if (size > wav.size() - offset)
      return fail("broken WAV: it is cut short");
    WavBytes chunk = {wav.file.subspan(offset, size), wav.bigEndian};
    if (name == "fmt ") {
      Result<WavFormat> parsed = parseFormat(chunk);
      if (!parsed)
        return forward(parsed);
      format = *parsed;
    } else if (name == "ds64" && sizes64 && chunk.size() >= 16) {
      dataSize64 = chunk.number(8, 8);
    }
    offset = behind(offset, size);
  }
  return fail(format.tag == 0 ? "broken WAV: no format chunk before the data"
                              : "broken WAV: no data chunk");
}

Result<std::unique_ptr<AudioReader>> openWav(std::span<const std::byte> file) {
  WavBytes wav{file, false};
  if (file.size() < riffHeader || wav.text(8) != "WAVE")
    return fail("expected a WAV file, found another RIFF file");
  wav.bigEndian = wav.text(0) == "RIFX";
  return WavParser(wav).open();
}

} // namespace stc::runtime

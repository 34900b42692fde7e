//===- Wav.cpp - reading WAV ----------------------------------------------------------------===//
//
// RIFF chunks of "Multimedia Programming Interface and Data Specifications 1.0" (IBM and Microsoft,
// 1991) and WAVE_FORMAT_EXTENSIBLE of Microsoft's "Multiple channel audio data and WAVE files".
//
//===----------------------------------------------------------------------===//
#include "runtime/Data/Audio.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <string_view>

namespace stc::runtime {

namespace {

constexpr uint16_t pcm = 1, ieeeFloat = 3, extensible = 0xfffe;
constexpr size_t chunkHeader = 8, formatBytes = 16, extensibleBytes = 40, subFormat = 24;

struct WavFormat {
  uint16_t tag = 0, channels = 0, bits = 0;
  uint32_t rate = 0;
  size_t sampleBytes() const { return bits / 8; }
};

template <class T> T at(std::span<const std::byte> bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

class WavReader : public AudioReader {
public:
  WavReader(const WavFormat &format, std::span<const std::byte> data)
      : format(format), rest(data) {}

  int64_t rate() const override { return format.rate; }

  Result<size_t> read(std::span<float> samples) override {
    size_t frame = format.sampleBytes() * format.channels;
    size_t count = std::min(samples.size(), rest.size() / frame);
    for (size_t i = 0; i < count; ++i) {
      float sum = 0;
      for (size_t c = 0; c < format.channels; ++c)
        sum += sample(i * frame + c * format.sampleBytes());
      samples[i] = sum / static_cast<float>(format.channels);
      if (!std::isfinite(samples[i]))
        return fail("broken WAV: a sample that is not a finite number");
    }
    rest = rest.subspan(count * frame);
    return count;
  }

private:
  // 8 bits are unsigned, more are signed.
  float sample(size_t offset) const {
    if (format.tag == ieeeFloat)
      return format.bits == 32 ? at<float>(rest, offset)
                               : static_cast<float>(at<double>(rest, offset));
    if (format.bits == 8)
      return (static_cast<float>(at<uint8_t>(rest, offset)) - 128) / 128;
    // The bytes become the upper ones of 32 bits.
    uint32_t value = 0;
    std::memcpy(reinterpret_cast<char *>(&value) + 4 - format.sampleBytes(), &rest[offset],
                format.sampleBytes());
    return static_cast<float>(static_cast<int32_t>(value)) * 0x1p-31f;
  }

  WavFormat format;
  std::span<const std::byte> rest;
};

Result<WavFormat> parseFormat(std::span<const std::byte> chunk) {
  if (chunk.size() < formatBytes)
    return fail("broken WAV: a short format chunk");
  WavFormat format{at<uint16_t>(chunk, 0), at<uint16_t>(chunk, 2), at<uint16_t>(chunk, 14),
                   at<uint32_t>(chunk, 4)};
  if (format.tag == extensible && chunk.size() >= extensibleBytes)
    format.tag = at<uint16_t>(chunk, subFormat);
  bool known = format.tag == pcm
                   ? format.bits % 8 == 0 && format.bits >= 8 && format.bits <= 32
                   : format.tag == ieeeFloat && (format.bits == 32 || format.bits == 64);
  if (!known)
    return fail(fmt::format("expected a WAV of PCM of 8, 16, 24 or 32 bits or float of 32 or 64, "
                            "found format {} of {} bits",
                            format.tag, format.bits));
  if (auto checked = checkAudioFormat(format.rate, format.channels); !checked)
    return forward(checked);
  return format;
}

} // namespace

Result<std::unique_ptr<AudioReader>> openWav(std::span<const std::byte> file) {
  constexpr size_t start = 12;
  auto text = [&](size_t offset) {
    return std::string_view(reinterpret_cast<const char *>(file.data()) + offset, 4);
  };
  if (file.size() < start || text(8) != "WAVE")
    return fail("expected a WAV file, found another RIFF file");
  WavFormat format;
  for (size_t offset = start; file.size() - offset >= chunkHeader;) {
    std::string_view name = text(offset);
    size_t size = at<uint32_t>(file, offset + 4);
    offset += chunkHeader;
    size_t available = file.size() - offset;
    // Who writes into a pipe does not know the size of the data.
    bool open = name == "data" && size == UINT32_MAX;
    if (size > available && !open)
      return fail("broken WAV: it is cut short");
    std::span<const std::byte> chunk = file.subspan(offset, std::min(size, available));
    if (name == "fmt ") {
      Result<WavFormat> parsed = parseFormat(chunk);
      if (!parsed)
        return forward(parsed);
      format = *parsed;
    } else if (name == "data" && format.tag != 0) {
      return std::make_unique<WavReader>(format, chunk);
    }
    // Chunks begin at even places.
    offset += std::min(chunk.size() + chunk.size() % 2, available);
  }
  return fail(format.tag == 0 ? "broken WAV: no format chunk before the data"
                              : "broken WAV: no data chunk");
}

} // namespace stc::runtime

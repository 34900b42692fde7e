//===- Sound.cpp - mu-law bytes as .wav files --------------------------------------------===//
#include "runtime/Media/Sound.h"
#include "runtime/Data/MuLaw.h"
#include "runtime/Support/File.h"

#include <cmath>
#include <fmt/format.h>

namespace stc::runtime {

namespace {

// Little-endian, as all of the format.
void append(std::string &text, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    text += static_cast<char>(value >> 8 * i);
}

// The chunks RIFF, fmt and the start of data ("Multimedia Programming Interface and Data
// Specifications 1.0", IBM and Microsoft, 1991).
std::string header(uint32_t samples, uint32_t rate) {
  constexpr uint32_t pcm = 1, channels = 1, bits = 16, blockBytes = channels * bits / 8;
  std::string text = "RIFF";
  append(text, 36 + samples * blockBytes, 4);
  text += "WAVEfmt ";
  append(text, 16, 4);
  append(text, pcm, 2);
  append(text, channels, 2);
  append(text, rate, 4);
  append(text, rate * blockBytes, 4);
  append(text, blockBytes, 2);
  append(text, bits, 2);
  text += "data";
  append(text, samples * blockBytes, 4);
  return text;
}

} // namespace

Result<void> writeWav(const std::string &path, std::span<const uint8_t> muLaw, int64_t rate) {
  constexpr int64_t mostSamples = 1 << 30, mostRate = INT32_MAX / 2;
  if (static_cast<int64_t>(muLaw.size()) > mostSamples || rate < 1 || rate > mostRate)
    return fail(fmt::format("{}: expected at most {} samples at a rate of 1 to {}, found {} at {}",
                            path, mostSamples, mostRate, muLaw.size(), rate));
  std::string text = header(static_cast<uint32_t>(muLaw.size()), static_cast<uint32_t>(rate));
  for (uint8_t byte : muLaw)
    append(text, static_cast<uint16_t>(std::lround(decodeMuLaw(byte) * INT16_MAX)), 2);
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return forward(file);
  if (auto written = file->write(text); !written)
    return written;
  return file->commit();
}

} // namespace stc::runtime

//===- ByteStream.h - files as the bytes that a model learns -------------------------------===//
#pragma once

#include "runtime/Data/Audio.h"
#include "runtime/Data/Resampler.h"

#include <functional>
#include <string>
#include <vector>

namespace stc::runtime {

/// A file as bytes to learn, from its start on.
class ByteStream {
public:
  virtual ~ByteStream() = default;
  /// The next bytes, valid until the next call; none at the end.
  virtual Result<std::span<const uint8_t>> next() = 0;
  /// At the end: what is odd about the file; empty if nothing is.
  virtual std::string warning() const { return {}; }
};

/// The bytes of the file.
class TextStream : public ByteStream {
public:
  explicit TextStream(std::span<const std::byte> file) : rest(file) {}
  Result<std::span<const uint8_t>> next() override;

private:
  std::span<const std::byte> rest;
};

/// Samples of a sound at a rate, a byte each by mu-law.
class AudioStream : public ByteStream {
public:
  AudioStream(std::unique_ptr<AudioReader> reader, int64_t rate);
  Result<std::span<const uint8_t>> next() override;
  std::string warning() const override { return reader->warning(); }

private:
  std::unique_ptr<AudioReader> reader;
  Resampler resampler;
  std::vector<float> samples, resampled;
  std::vector<uint8_t> bytes;
  bool ended = false;
};

/// All bytes of a file of sound, at that rate. `warn` gets a line on what is odd about it. Errors:
/// it is no sound, or broken.
Result<std::vector<uint8_t>> readSound(const std::string &path, int64_t rate,
                                       const std::function<void(const std::string &)> &warn);

} // namespace stc::runtime

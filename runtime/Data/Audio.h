//===- Audio.h - sound files as samples ---------------------------------------------------===//
//
// Decodes WAV (PCM of up to 32 bits, float of 32 and 64, also as RF64, BW64 and RIFX), FLAC
// (libFLAC) and Ogg Vorbis (libvorbis), mixed to one channel.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace stc::runtime {

inline constexpr int64_t maxSampleRate = 768000;
inline constexpr int64_t maxAudioChannels = 255;

/// Whether bytes begin as one of the formats does.
bool isAudio(std::span<const std::byte> file);

/// A sound from its start on. Messages name no file.
class AudioReader {
public:
  /// `file` must outlive the reader. Errors: another format, a broken or empty file.
  static Result<std::unique_ptr<AudioReader>> open(std::span<const std::byte> file);
  virtual ~AudioReader() = default;

  /// Samples a second, 1 to maxSampleRate.
  virtual int64_t rate() const = 0;
  /// Fills the beginning of `samples` with what comes next, the mean of all channels, about -1 to
  /// 1, and returns how many there were; none at the end. Errors: broken, cut short, another rate
  /// from here on, a sample that is not a number.
  virtual Result<size_t> read(std::span<float> samples) = 0;

  /// What is odd about the file, though its samples can be used; empty if nothing is. Known when
  /// the end was read.
  const std::string &warning() const { return odd; }

protected:
  std::string odd;
};

/// A file without the tags that players and rippers put around a sound.
std::span<const std::byte> withoutTags(std::span<const std::byte> file);

/// One for each format. They take for granted that the file begins as it should.
Result<std::unique_ptr<AudioReader>> openWav(std::span<const std::byte> file);
Result<std::unique_ptr<AudioReader>> openFlac(std::span<const std::byte> file);
Result<std::unique_ptr<AudioReader>> openVorbis(std::span<const std::byte> file);

/// Refuses rates and numbers of channels that no sound has.
Result<void> checkAudioFormat(int64_t rate, int64_t channels);

} // namespace stc::runtime

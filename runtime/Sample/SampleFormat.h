//===- SampleFormat.h - sequences of bytes as texts, pictures and sounds --------------------===//
#pragma once

#include "runtime/Media/Image.h"
#include "runtime/Program/Settings.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stc::runtime {

/// What the sequences of a program are, by its data.kind, and the files that show them.
class SampleFormat {
public:
  enum class Kind { Text, Image, Audio };

  /// Errors: a shape that has not `context` bytes, or other than 1 or 3 channels; a sound without a
  /// rate.
  static Result<SampleFormat> of(const Settings &settings, int64_t context);

  Kind kind() const { return is; }
  /// ".txt", ".png" or ".wav".
  std::string_view ending() const;
  int64_t height() const { return shape[0]; }
  int64_t width() const { return shape[1]; }
  int64_t channels() const { return shape[2]; }
  Image image(std::vector<uint8_t> bytes) const;

  /// A text as it is, and of several each under a line of its own; pictures as one sheet; a sound.
  /// Whole or not at all. Errors: several sounds; Io.
  Result<void> write(const std::string &path,
                     std::span<const std::vector<uint8_t>> sequences) const;

private:
  Kind is = Kind::Text;
  int64_t shape[3] = {0, 0, 0}; // of images
  int64_t rate = 0;             // of sounds
};

/// Text `index` of `count` that stand one below the other: as it is or, of several, with a line
/// "--- sample 1" and so on above it.
std::string listedText(std::span<const uint8_t> text, int64_t index, int64_t count);

} // namespace stc::runtime

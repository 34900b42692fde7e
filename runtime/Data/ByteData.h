//===- ByteData.h - windows of a file of bytes ----------------------------------------===//
//
// A part of a file (its training, validation or test bytes) as windows of n bytes. The model sees
// byte i - 1 at position i and predicts byte i; at position 0 it sees the start symbol, in training
// as in sampling. Windows are read when they are wanted: a file of any size takes no memory, and
// one that shrinks under the run is an error.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Program/Settings.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

/// What stands before the first byte; bytes are 0 to 255.
inline constexpr int32_t startSymbol = 256;

/// Which bytes of a file: one after the other, by the program's setting data.split (fractions
/// for training, validation and test, by default 0.9, 0.05, 0.05), or all of them.
enum class Part { Train, Valid, Test, All };

class ByteData {
public:
  /// Errors: no such file, a part shorter than one window, fractions that do not fit into 1.
  static Result<ByteData> open(const std::string &path, Part part, const Settings &settings,
                               int64_t window);
  ByteData(ByteData &&other) noexcept;
  ~ByteData();

  /// Whole windows from the part's first byte on, without overlap, for evaluation.
  int64_t windows() const { return size / window; }

  /// Reads window `index` of those: tokens and targets have n elements each.
  Result<void> read(int64_t index, std::span<int32_t> tokens, std::span<int32_t> targets);

  /// Bytes of the part.
  int64_t bytes() const { return size; }

  /// Reads the window that begins at byte `start` of the part, for windows that overlap. Error: it
  /// does not lie in the part.
  Result<void> readFrom(int64_t start, std::span<int32_t> tokens, std::span<int32_t> targets);

  /// Reads the sample of that number of a training run. An epoch visits each of its windows once,
  /// in an order given by the seed and the epoch, all moved by an offset of the epoch.
  Result<void> readShuffled(int64_t sample, uint64_t seed, std::span<int32_t> tokens,
                            std::span<int32_t> targets);

  /// Where that sample starts, in bytes from the part's first.
  int64_t shuffledStart(int64_t sample, uint64_t seed) const;
  int64_t windowsPerEpoch() const;

private:
  ByteData() = default;
  Result<void> readAt(int64_t start, std::span<int32_t> tokens, std::span<int32_t> targets);

  std::string path;
  int descriptor = -1;
  int64_t first = 0, size = 0, window = 0;
  std::vector<uint8_t> buffer;
};

} // namespace stc::runtime

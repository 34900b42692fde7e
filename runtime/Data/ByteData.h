//===- ByteData.h - windows of data that is bytes ---------------------------------------===//
//
// A part of the data (its training, validation or test bytes) as windows of n bytes. The model sees
// byte i - 1 at position i and predicts byte i; at position 0 it sees the start symbol, in training
// as in sampling. Windows are read when they are wanted: a file of any size takes no memory, and
// one that shrinks under the run is an error. Bytes that the model's vocabulary does not have are
// an error when the data is opened, if it is not too large to be read for that, and in any case
// when their window is read.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Data/Split.h"
#include "runtime/Data/Vocabulary.h"
#include "runtime/Program/Settings.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

/// Two kinds of data. A stream has windows at any byte. Records are the windows: a picture is never
/// read from its middle on.
class ByteData {
public:
  /// `path` names one of these:
  /// - a .npy array of u8, found by its first bytes: a stream if it has one dimension; with more,
  ///   each of the first dimension's elements is a record, which must have `window` bytes;
  /// - any other file: its bytes as a stream;
  /// - a folder with train.npy, valid.npy and test.npy, of which `part` says one.
  /// A file's parts follow each other in it, by the program's setting data.split; records are not
  /// cut. Errors: no such file, a format that is no plain bytes (FileKind.h), a part shorter than
  /// one window, records of another size, fractions that do not fit into 1, all of a folder, a byte
  /// outside the vocabulary.
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

  /// A checksum (XXH3-64) of the part: of all its bytes up to 256 MiB; of a larger one, of 4096
  /// blocks of 64 KiB at equal distances, the first and the last among them, and of its size.
  Result<uint64_t> checksum() const;

  /// Reads the window that begins at byte `start` of the part, for windows that overlap. Error: it
  /// does not lie in the part.
  Result<void> readFrom(int64_t start, std::span<int32_t> tokens, std::span<int32_t> targets);

  /// Reads the sample of that number of a training run. An epoch visits each of its windows once,
  /// in an order given by the seed and the epoch; those of a stream are all moved by an offset of
  /// the epoch.
  Result<void> readShuffled(int64_t sample, uint64_t seed, std::span<int32_t> tokens,
                            std::span<int32_t> targets);

  /// Where that sample starts, in bytes from the part's first.
  int64_t shuffledStart(int64_t sample, uint64_t seed) const;
  int64_t windowsPerEpoch() const;

private:
  ByteData(std::string path, int64_t window, Vocabulary vocabulary)
      : path(std::move(path)), window(window), vocabulary(vocabulary) {}
  Result<void> openFile();
  Result<void> readNpyStart();
  Result<void> select(Part part, const Settings &settings);
  Result<void> scan();
  Result<void> readBytes(int64_t start, std::span<uint8_t> bytes);
  Result<void> readAt(int64_t start, std::span<int32_t> tokens, std::span<int32_t> targets);

  std::string path;
  int descriptor = -1;
  /// Where the part starts in the file, and its bytes.
  int64_t first = 0, size = 0;
  int64_t window;
  Vocabulary vocabulary;
  bool records = false;
  std::vector<uint8_t> buffer;
};

} // namespace stc::runtime

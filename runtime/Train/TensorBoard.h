//===- TensorBoard.h - the numbers of a run, for TensorBoard -------------------------------===//
//
// An event file: TFRecords (https://www.tensorflow.org/tutorials/load_data/tfrecord) of messages
// Event (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace stc::runtime {

/// CRC-32C (RFC 3720, Sec. 12.1), rotated and moved by a constant as TFRecords have it.
uint32_t maskedCrc32c(std::string_view bytes);

/// A new event file in a folder. Moves, does not copy.
class TensorBoardFile {
public:
  /// Begins after `step`: TensorBoard then forgets what earlier files of the folder say of later
  /// steps. Error: Io.
  static Result<TensorBoardFile> create(const std::string &folder, int64_t step);
  TensorBoardFile(TensorBoardFile &&other) noexcept;
  ~TensorBoardFile();

  /// Adds a point of a curve; one that is not a number is left out.
  void scalar(std::string_view curve, int64_t step, double value);

  /// Hands to the system what was not yet.
  Result<void> flush();

private:
  TensorBoardFile() = default;
  void event(int64_t step, std::string_view what);

  std::string path, buffer;
  int descriptor = -1;
};

} // namespace stc::runtime

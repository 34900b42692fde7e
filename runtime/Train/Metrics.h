//===- Metrics.h - the numbers of a run, as files ------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"
#include "runtime/Train/Evaluate.h"
#include "runtime/Train/TensorBoard.h"
#include "runtime/Train/Trainer.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace stc::runtime {

/// DIR/metrics.jsonl, which gets a JSON object a line, at once; and the same curves in
/// DIR/tensorboard where they are wanted, every two seconds or so. Moves, does not copy.
class Metrics {
public:
  /// Goes on after `step`: lines of later steps, of evaluations after `evaluatedStep`, and a last
  /// one that is cut short are removed. With zeros, all of them. Error: Io.
  static Result<Metrics> open(const std::string &folder, int64_t step, int64_t evaluatedStep,
                              bool tensorBoard);
  Metrics(Metrics &&other) noexcept;
  ~Metrics();

  /// {"kind":"step",...}. `seconds` of training so far, `stepSeconds` of this step, for `bytes`
  /// predicted. What a program does not report is null.
  Result<void> step(const StepReport &report, double seconds, double stepSeconds, int64_t bytes);
  /// {"kind":"eval",...}
  Result<void> evaluation(int64_t step, const Evaluation &evaluation);

  /// Hands to the system the curves that were not yet, and waits until metrics.jsonl is on the
  /// disk.
  Result<void> sync();

private:
  Metrics() = default;
  Result<void> append(std::string line);
  Result<void> draw();

  using Clock = std::chrono::steady_clock;
  std::string path;
  int descriptor = -1;
  Clock::time_point drawn = Clock::now(); // of the curves
  std::optional<TensorBoardFile> tensorBoard;
};

} // namespace stc::runtime

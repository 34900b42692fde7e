//===- Evaluate.h - how many bits a model needs for a byte ----------------------------===//
#pragma once

#include "runtime/Data/ByteData.h"
#include "runtime/Device/Executor.h"
#include "runtime/Support/Error.h"
#include "runtime/Train/BitsMean.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace stc::runtime {

/// The mean over positions [first, end) of all windows.
struct PositionBits {
  int64_t first = 0, end = 0;
  BitsMean bits;
};

struct Evaluation {
  double bitsPerByte = 0;
  /// Of the mean, from the spread between windows; 0 for a single one.
  double standardError = 0;
  int64_t windows = 0, bytes = 0;
  /// No signal ended it early, of this process or another.
  bool isWhole = true;
  /// As many as were asked for.
  std::vector<PositionBits> positions;
};

/// Predictions with at least `context` bytes before them.
struct ContextBits {
  int64_t context = 0;
  double bitsPerByte = 0, standardError = 0;
  /// Against the first context that was asked for; the error is that of the difference, which is
  /// smaller than those of its sides, as both predict the same bytes.
  double change = 0, changeError = 0;
  int64_t bytes = 0;
};

/// Where buckets of positions begin: 0, 1, 2, 4, 8, ... below `window`.
std::vector<int64_t> powersOfTwo(int64_t window);
/// The same for `count` buckets of equal size, up to rounding; at most one for each position.
std::vector<int64_t> equalBuckets(int64_t window, int64_t count);

/// Runs the entry `eval`: tokens, targets i32 [batch, n] to nll f32 [batch, n], nats a position.
class Evaluator {
public:
  /// Error: the program has no such entry.
  static Result<Evaluator> create(Executor &executor);

  int64_t window() const { return n; }
  uint32_t entry() const { return index; }

  /// Over the first `most` windows of the data, or all, and for each bucket of positions that
  /// begins in `bucketStarts` (ascending from 0). A signal ends it early: what was counted so far
  /// is the result.
  Result<Evaluation> run(ByteData &data, int64_t most, std::span<const int64_t> bucketStarts = {});

  /// Bits per byte by the least context that a prediction has, as in Table 3 of the paper. Windows
  /// overlap: of each, the predictions with at least that many bytes before them in the window
  /// count. Every context predicts the same bytes, each once: those behind the longest context, at
  /// most `most` windows of them. Spreads are between blocks of n bytes. `show` gets each row when
  /// it is there; a signal leaves out the rows that are not. Error: a context that leaves a window
  /// nothing to predict.
  Result<std::vector<ContextBits>>
  runContexts(ByteData &data, std::span<const int64_t> contexts, int64_t most,
              const std::function<void(const ContextBits &)> &show = {});

private:
  explicit Evaluator(Executor &executor) : executor(executor) {}

  using Read =
      std::function<Result<void>(int64_t, std::span<int32_t> tokens, std::span<int32_t> targets)>;
  using Visit = std::function<void(int64_t window, std::span<const float> nats)>;
  Result<int64_t> visitWindows(int64_t windows, const Read &read, const Visit &visit);
  Result<bool> sumBlocks(ByteData &data, int64_t context, int64_t first, int64_t last,
                         std::span<double> blocks);

  Executor &executor;
  uint32_t index = 0;
  int64_t batch = 0, n = 0;
};

} // namespace stc::runtime

//===- Trainer.h - the training loop ----------------------------------------------------===//
#pragma once

#include "runtime/Data/ByteData.h"
#include "runtime/Device/Executor.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <vector>

namespace stc::runtime {

/// What one step reported. A program without the output has NaN there, and so has the gradient's
/// norm where loss scaling left the step out.
struct StepReport {
  int64_t step = 0;       ///< from 1
  double bitsPerByte = 0; ///< of this step's batch, before the update
  double gradientNorm = 0, learningRate = 0;
};

/// Runs the entry `train_step`: tokens, targets i32 [batch, n] to loss (nats a byte), and, where
/// the program has them, grad_norm, learning_rate and loss_scale, all f32 scalars. Of several
/// devices each has its own sequences of a step, or positions of them.
class Trainer {
public:
  /// Error: the program has no such entry.
  static Result<Trainer> create(Executor &executor);

  /// Over all devices.
  int64_t batch() const { return batchSize; }
  int64_t window() const { return n; }
  uint32_t entry() const { return index; }

  /// Reads the samples of a step, if step() has not read them ahead. Error: the data; the weights
  /// are as they were.
  Result<void> fetch(int64_t step, ByteData &data, uint64_t seed);

  /// One step on the samples of its number; while the device computes it, those of the next are
  /// read, with the same seed. Error: the data, the device, or a loss or gradient that is not
  /// finite (NonFinite), after which the weights are not to be kept. With a loss_scale above 1, a
  /// gradient that is not finite is no error: the program has left the step out.
  Result<StepReport> step(int64_t step, ByteData &data, uint64_t seed);

  /// Seconds spent in reading data, of all steps.
  double dataSeconds() const { return reading; }

private:
  explicit Trainer(Executor &executor) : executor(executor) {}
  const program::Entry &entryOf() const { return *executor.program().entries()->Get(index); }
  Result<void> readSamples(int64_t step, ByteData &data, uint64_t seed);
  Result<double> scalar(const char *name) const;
  int64_t rows() const { return batchSize / dealt.count; }
  int64_t columns() const { return n / positions.count; }

  Executor &executor;
  uint32_t index = 0;
  int64_t batchSize = 0, n = 0;
  /// Of the sequences of a step, and of their positions.
  DealtPart dealt, positions;
  /// The samples of one step; 0 if there are none yet.
  int64_t samplesOf = 0;
  std::vector<int32_t> tokens, targets;
  std::vector<int32_t> sample; // a window, and what comes behind each of its bytes
  double reading = 0;
};

} // namespace stc::runtime

//===- Evaluate.h - how many bits a model needs for a byte ----------------------------===//
#pragma once

#include "runtime/Data/ByteData.h"
#include "runtime/Device/Host/Executor.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <memory>

namespace stc::runtime {

struct Evaluation {
  double bitsPerByte = 0;
  /// Of the mean, from the spread between windows; 0 for a single one.
  double standardError = 0;
  int64_t windows = 0, bytes = 0;
};

/// Runs the entry `eval`: tokens, targets i32 [batch, n] to nll f32 [batch, n], nats a position.
class Evaluator {
public:
  /// Error: the program has no such entry.
  static Result<Evaluator> create(Executor &executor);

  int64_t window() const { return n; }
  uint32_t entry() const { return index; }

  /// Over the first `most` windows of the data, or all. A signal ends it early: what was counted so
  /// far is the result.
  Result<Evaluation> run(ByteData &data, int64_t most);

private:
  explicit Evaluator(Executor &executor) : executor(executor) {}

  Executor &executor;
  uint32_t index = 0;
  int64_t batch = 0, n = 0;
};

} // namespace stc::runtime

//===- RunRecord.h - what a run folder says of its run -----------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace stc::runtime {

/// A line of kind "step" of metrics.jsonl. What it does not say is NaN.
struct StepMetrics {
  int64_t step = 0;
  double bitsPerByte, gradientNorm, learningRate, bytesPerSecond, seconds;
};

/// A line of kind "eval".
struct EvalMetrics {
  int64_t step = 0;
  double bitsPerByte, standardError, bytes;
};

using Facts = std::vector<std::pair<std::string, std::string>>;

struct RunRecord {
  /// Of the program; of the folder where run.json is missing.
  std::string name;
  /// Tells it from the others that it was read with: the folder's own name, or its path.
  std::string label;
  /// run.json, and its settings.
  Facts facts, settings;
  /// In ascending order; of a step that was taken again after an interruption, the last line.
  std::vector<StepMetrics> steps;
  std::vector<EvalMetrics> evaluations;
  /// Lines of metrics.jsonl, from 1, that are none.
  std::vector<int64_t> brokenLines;
  /// Paths of DIR/samples/*.txt, *.png and *.wav, by name.
  std::vector<std::string> samples;

  /// The setting of that key, or nothing.
  std::string setting(std::string_view key) const;
};

/// Reads run.json (which may be missing), metrics.jsonl and the names of the samples. Errors: a
/// run.json that is broken, no metrics at all. A line that is broken, as a killed run may leave its
/// last one, is none.
Result<RunRecord> readRun(const std::string &folder);

/// Several. Error: the first one's that has one.
Result<std::vector<RunRecord>> readRuns(std::span<const std::string> folders);

} // namespace stc::runtime

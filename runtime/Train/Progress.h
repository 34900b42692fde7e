//===- Progress.h - how a training run is watched -----------------------------------------===//
#pragma once

#include "runtime/Train/Trainer.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace stc::runtime {

/// A bar that is redrawn in place where the output is a terminal, a line every ten seconds and at
/// both ends elsewhere.
class Progress {
public:
  /// `tokensPerStep` bytes are predicted a step; `unit` is what their bits are counted by.
  Progress(int64_t steps, int64_t tokensPerStep, std::string unit);

  void show(const StepReport &report);
  /// Prints a line of its own, between redraws.
  void note(const std::string &line);
  /// Leaves the last bar standing.
  void finish();

  /// Exponential mean of the bits per byte of the last fifty steps or so.
  double smoothedBits() const;
  double elapsedSeconds() const;

private:
  std::string line(const StepReport &report) const;

  using Clock = std::chrono::steady_clock;
  int64_t steps, tokensPerStep, firstStep = 0;
  double bitsSum = 0, bitsWeight = 0;
  Clock::time_point start = Clock::now(), shown = {};
  std::string unit;
  bool terminal, drawn = false;
};

} // namespace stc::runtime

//===- Progress.h - how a training run is watched -----------------------------------------===//
#pragma once

#include "runtime/Train/SlidingMean.h"
#include "runtime/Train/Trainer.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace stc::runtime {

/// Steps with their loss, as the mean of the last ones, and how many these are: "step 700/2000
/// 5.4321 bits/byte (mean of 50)". A bar that is redrawn in place where the output is a terminal, a
/// line every ten seconds and at both ends elsewhere.
class Progress {
public:
  /// `tokensPerStep` bytes are predicted a step; `unit` is what their bits are counted by.
  Progress(int64_t steps, int64_t tokensPerStep, std::string unit);

  void show(const StepReport &report);
  /// Prints a line of its own, between redraws.
  void note(const std::string &line);
  /// Leaves the last bar standing.
  void finish();

  double elapsedSeconds() const;

private:
  std::string line(const StepReport &report) const;

  using Clock = std::chrono::steady_clock;
  int64_t steps, tokensPerStep, firstStep = 0;
  SlidingMean bits;
  Clock::time_point start = Clock::now(), shown = {};
  std::string unit;
  bool terminal, drawn = false;
};

} // namespace stc::runtime

//===- StepRange.h - a step of an entry on a profiler's time line --------------------===//
#pragma once

#include "runtime/Program/Steps.h"
#include "runtime/Support/Nvtx.h"

#include <optional>

namespace stc::runtime {

/// A range with the step's name.
class StepRange {
public:
  StepRange(const program::Program &program, const program::Step &step) {
    if (nvtx::isListening())
      range.emplace(nameOf(program, step).name);
  }

private:
  std::optional<nvtx::Range> range;
};

} // namespace stc::runtime

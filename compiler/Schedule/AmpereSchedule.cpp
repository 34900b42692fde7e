//===- AmpereSchedule.cpp - tile sizes of attention by mma.sync -----------===//

#include "compiler/Schedule/AmpereSchedule.h"

#include <algorithm>

namespace stc {

/// A row of two tensors of these sizes.
static int64_t bothRows(const AmpereShape &shape) {
  return ampereRowBytes(ampereHead(shape.querySize)) + ampereRowBytes(ampereHead(shape.valueSize));
}

static bool isWide(const AmpereShape &shape) {
  return std::max(shape.querySize, shape.valueSize) > 64;
}

AmpereSchedule chooseAmpereSchedule(const AmpereShape &shape) {
  AmpereSchedule schedule;
  schedule.parts = shape.rows / 16 / schedule.warps;
  int64_t queries = shape.rows * ampereRowBytes(ampereHead(shape.querySize));
  while (queries + schedule.stages * schedule.keyRows * bothRows(shape) > shape.sharedBytes)
    schedule.keyRows /= 2;
  schedule.blocks = schedule.parts > 1 || isWide(shape) ? 2 : 3;
  return schedule;
}

// The registers of a thread hold two tiles of scores beside the gradient.
AmpereSchedule chooseAmpereQueryGradSchedule(const AmpereShape &shape) {
  AmpereSchedule schedule;
  schedule.parts = shape.rows / 16 / schedule.warps;
  schedule.keyRows = isWide(shape) ? 32 : 64;
  while ((shape.rows + schedule.stages * schedule.keyRows) * bothRows(shape) > shape.sharedBytes)
    schedule.keyRows /= 2;
  schedule.blocks = schedule.parts > 1 ? 1 : 2;
  return schedule;
}

// The registers of a thread hold the gradients of its keys and values.
AmpereGradSchedule chooseAmpereGradSchedule(const AmpereShape &shape) {
  AmpereGradSchedule schedule;
  schedule.parts = isWide(shape) || shape.rows > 128 ? 1 : shape.rows / 64;
  schedule.warps = shape.rows / 16 / schedule.parts;
  auto bytes = [&] {
    int64_t stage = schedule.queryRows * (bothRows(shape) + 8) +
                    shape.rows * ampereRowBytes(schedule.queryRows);
    return shape.rows * bothRows(shape) + schedule.stages * stage;
  };
  while (bytes() > shape.sharedBytes)
    schedule.queryRows /= 2;
  schedule.scoreRows = std::min<int64_t>(schedule.queryRows, 32);
  schedule.blocks = schedule.warps > 4 ? 1 : schedule.parts > 1 || isWide(shape) ? 2 : 3;
  return schedule;
}

} // namespace stc

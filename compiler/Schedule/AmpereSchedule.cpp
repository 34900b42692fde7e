//===- AmpereSchedule.cpp - tile sizes of attention by mma.sync -----------===//

#include "compiler/Schedule/AmpereSchedule.h"

#include <algorithm>

namespace stc {

/// A row of two tensors of these sizes.
static int64_t bothRows(const AmpereShape &shape) {
  return ampereRowBytes(ampereHead(shape.querySize), shape.elementBytes) +
         ampereRowBytes(ampereHead(shape.valueSize), shape.elementBytes);
}

static bool isWide(const AmpereShape &shape) {
  return std::max(shape.querySize, shape.valueSize) > 64;
}

/// Whether operands of products are two registers each, so that two times 16 rows of a warp are too
/// many.
static bool isSplit(const AmpereShape &shape) { return shape.elementBytes == 4; }

/// Blocks for which the registers of a multiprocessor are meant to be enough.
static int64_t blocksOf(const AmpereShape &shape, int64_t warps, int64_t parts) {
  return warps > 4 ? 1 : parts > 1 || isWide(shape) || isSplit(shape) ? 2 : 3;
}

/// Warps for all rows of a tile, 32 rows each where there are so many and registers allow.
static int64_t partsOf(const AmpereShape &shape) {
  return shape.rows == 128 && !isSplit(shape) ? 2 : 1;
}

AmpereSchedule chooseAmpereSchedule(const AmpereShape &shape) {
  AmpereSchedule schedule;
  schedule.parts = partsOf(shape);
  schedule.warps = shape.rows / 16 / schedule.parts;
  schedule.keyRows = isSplit(shape) ? 32 : 64;
  int64_t queries = shape.rows * ampereRowBytes(ampereHead(shape.querySize), shape.elementBytes);
  while (queries + schedule.stages * schedule.keyRows * bothRows(shape) > shape.sharedBytes)
    schedule.keyRows /= 2;
  schedule.blocks = blocksOf(shape, schedule.warps, schedule.parts);
  return schedule;
}

// The registers of a thread hold two tiles of scores beside the gradient.
AmpereSchedule chooseAmpereQueryGradSchedule(const AmpereShape &shape) {
  AmpereSchedule schedule;
  schedule.parts = partsOf(shape);
  schedule.warps = shape.rows / 16 / schedule.parts;
  schedule.keyRows = isSplit(shape) || isWide(shape) ? 32 : 64;
  while ((shape.rows + schedule.stages * schedule.keyRows) * bothRows(shape) > shape.sharedBytes)
    schedule.keyRows /= 2;
  schedule.blocks = shape.rows > 64 ? 1 : 2;
  return schedule;
}

static int64_t keyGradBytes(const AmpereShape &shape, const AmpereGradSchedule &schedule) {
  int64_t stage = schedule.queryRows * (bothRows(shape) + 8) +
                  shape.rows * ampereRowBytes(schedule.queryRows, shape.elementBytes);
  return shape.rows * bothRows(shape) + schedule.stages * stage;
}

// The registers of a thread hold the gradients of its keys and values.
AmpereGradSchedule chooseAmpereGradSchedule(const AmpereShape &shape) {
  AmpereGradSchedule schedule;
  schedule.parts = isWide(shape) ? 1 : partsOf(shape);
  schedule.warps = shape.rows / 16 / schedule.parts;
  schedule.queryRows = std::min<int64_t>(isSplit(shape) ? 32 : 64, 16 * schedule.warps);
  while (keyGradBytes(shape, schedule) > shape.sharedBytes)
    schedule.queryRows /= 2;
  schedule.scoreRows = std::min<int64_t>(schedule.queryRows, isSplit(shape) ? 16 : 32);
  schedule.blocks = blocksOf(shape, schedule.warps, schedule.parts);
  return schedule;
}

/// The most rows, of 128 and less, for which `fits` is true. Measured on an H100 in f32, two blocks
/// of four warps beat one of eight, and wide heads have no room for two.
static int64_t mostRows(AmpereShape shape, bool (*fits)(const AmpereShape &shape)) {
  shape.rows = isSplit(shape) && !isWide(shape) ? 64 : 128;
  while (shape.rows > 32 && !fits(shape))
    shape.rows /= 2;
  return shape.rows;
}

int64_t ampereMostQueries(const AmpereShape &shape) {
  return mostRows(shape, [](const AmpereShape &shape) {
    return (shape.rows + 2 * 16) * bothRows(shape) <= shape.sharedBytes;
  });
}

int64_t ampereMostKeys(const AmpereShape &shape) {
  return mostRows(shape, [](const AmpereShape &shape) {
    AmpereGradSchedule least;
    least.queryRows = 16;
    return keyGradBytes(shape, least) <= shape.sharedBytes;
  });
}

} // namespace stc

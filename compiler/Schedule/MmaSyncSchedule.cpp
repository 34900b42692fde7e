//===- MmaSyncSchedule.cpp - tile sizes of attention by mma.sync -----------===//

#include "compiler/Schedule/MmaSyncSchedule.h"

#include <algorithm>

namespace stc {

/// A row of two tensors of these sizes.
static int64_t bothRows(const MmaSyncShape &shape) {
  return mmaSyncRowBytes(mmaSyncHead(shape.querySize), shape.elementBytes) +
         mmaSyncRowBytes(mmaSyncHead(shape.valueSize), shape.elementBytes);
}

static bool isWide(const MmaSyncShape &shape) {
  return std::max(shape.querySize, shape.valueSize) > 64;
}

/// Whether operands of products are two registers each, so that two times 16 rows of a warp are too
/// many.
static bool isSplit(const MmaSyncShape &shape) { return shape.elementBytes == 4; }

/// Blocks for which the registers of a multiprocessor are meant to be enough.
static int64_t blocksOf(const MmaSyncShape &shape, int64_t warps, int64_t parts) {
  return warps > 4 ? 1 : parts > 1 || isWide(shape) || isSplit(shape) ? 2 : 3;
}

/// Warps for all rows of a tile, 32 rows each where there are so many and registers allow.
static int64_t partsOf(const MmaSyncShape &shape) {
  return shape.rows == 128 && !isSplit(shape) ? 2 : 1;
}

MmaSyncSchedule chooseMmaSyncSchedule(const MmaSyncShape &shape) {
  MmaSyncSchedule schedule;
  schedule.parts = partsOf(shape);
  schedule.warps = shape.rows / 16 / schedule.parts;
  schedule.keyRows = isSplit(shape) ? 32 : 64;
  int64_t queries = shape.rows * mmaSyncRowBytes(mmaSyncHead(shape.querySize), shape.elementBytes);
  while (queries + schedule.stages * schedule.keyRows * bothRows(shape) > shape.sharedBytes)
    schedule.keyRows /= 2;
  schedule.blocks = blocksOf(shape, schedule.warps, schedule.parts);
  return schedule;
}

// The registers of a thread hold two tiles of scores beside the gradient.
MmaSyncSchedule chooseMmaSyncQueryGradSchedule(const MmaSyncShape &shape) {
  MmaSyncSchedule schedule;
  schedule.parts = partsOf(shape);
  schedule.warps = shape.rows / 16 / schedule.parts;
  schedule.keyRows = isSplit(shape) || isWide(shape) ? 32 : 64;
  while ((shape.rows + schedule.stages * schedule.keyRows) * bothRows(shape) > shape.sharedBytes)
    schedule.keyRows /= 2;
  schedule.blocks = shape.rows > 64 ? 1 : 2;
  return schedule;
}

static int64_t keyGradBytes(const MmaSyncShape &shape, const MmaSyncKeyGradSchedule &schedule) {
  int64_t stage = schedule.queryRows * (bothRows(shape) + 8) +
                  shape.rows * mmaSyncRowBytes(schedule.queryRows, shape.elementBytes);
  return shape.rows * bothRows(shape) + schedule.stages * stage;
}

// The registers of a thread hold the gradients of its keys and values.
MmaSyncKeyGradSchedule chooseMmaSyncKeyGradSchedule(const MmaSyncShape &shape) {
  MmaSyncKeyGradSchedule schedule;
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
static int64_t mostRows(MmaSyncShape shape, bool (*fits)(const MmaSyncShape &shape)) {
  shape.rows = isSplit(shape) && !isWide(shape) ? 64 : 128;
  while (shape.rows > 32 && !fits(shape))
    shape.rows /= 2;
  return shape.rows;
}

int64_t mmaSyncMostQueries(const MmaSyncShape &shape) {
  return mostRows(shape, [](const MmaSyncShape &shape) {
    return (shape.rows + 2 * 16) * bothRows(shape) <= shape.sharedBytes;
  });
}

int64_t mmaSyncMostKeys(const MmaSyncShape &shape) {
  return mostRows(shape, [](const MmaSyncShape &shape) {
    MmaSyncKeyGradSchedule least;
    least.queryRows = 16;
    return keyGradBytes(shape, least) <= shape.sharedBytes;
  });
}

} // namespace stc

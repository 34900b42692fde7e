//===- MmaSyncSchedule.h - tile sizes of attention by mma.sync ---*- C++ -*-===//
//
// A pure function of the shape. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Schedule/SharedMemory.h"

#include <cstdint>

namespace stc {

/// Sizes of heads that products take; what is missing are zeros in shared memory.
inline int64_t mmaSyncHead(int64_t size) { return (size + 15) / 16 * 16; }
/// Bytes of a row of a tile in shared memory: 16 more than its columns take, so that eight rows lie
/// in different banks.
inline int64_t mmaSyncRowBytes(int64_t columns, int64_t elementBytes) {
  return elementBytes * columns + 16;
}

/// The shape of one attention kernel: elements of a query (or key) and of a value, 1 to 128; rows
/// of a tile of the axis that is cut into tiles, 32, 64 or 128; bytes of shared memory of a block,
/// and of an element, 2 or 4.
struct MmaSyncShape {
  int64_t querySize = 64, valueSize = 64, rows = 128;
  int64_t sharedBytes = kSharedBytesOfSm80, elementBytes = 2;
};

/// The most rows that tiles of queries and of keys may have, so that those of the other axis find
/// room beside them in each kernel; whatever the shape's own rows.
int64_t mmaSyncMostQueries(const MmaSyncShape &shape);
int64_t mmaSyncMostKeys(const MmaSyncShape &shape);

/// Tiles of queries stay, tiles of keys pass by.
struct MmaSyncSchedule {
  /// And 16 queries each, of a warp: what is loaded of keys and values serves them all.
  int64_t warps = 4, parts = 2;
  /// Keys of a tile, and tiles of keys and values in shared memory.
  int64_t keyRows = 64, stages = 2;
  /// Blocks for which the registers of a multiprocessor are meant to be enough.
  int64_t blocks = 2;

  int64_t threads() const { return 32 * warps; }
  int64_t queryRows() const { return 16 * parts * warps; }
  bool operator==(const MmaSyncSchedule &) const = default;
};
MmaSyncSchedule chooseMmaSyncSchedule(const MmaSyncShape &shape);
/// The same for the gradient by tiles of queries, whose output gradients stay, too.
MmaSyncSchedule chooseMmaSyncQueryGradSchedule(const MmaSyncShape &shape);

/// Of the gradient: tiles of keys stay, tiles of queries pass by.
struct MmaSyncKeyGradSchedule {
  /// And 16 keys each, of a warp.
  int64_t warps = 4, parts = 2;
  /// Queries of a tile, 16 a warp at most, and those whose scores are computed at once.
  int64_t queryRows = 64, scoreRows = 32;
  int64_t blocks = 2;

  static constexpr int64_t stages = 2;
  int64_t threads() const { return 32 * warps; }
  int64_t keyRows() const { return 16 * parts * warps; }
  bool operator==(const MmaSyncKeyGradSchedule &) const = default;
};
MmaSyncKeyGradSchedule chooseMmaSyncKeyGradSchedule(const MmaSyncShape &shape);

} // namespace stc

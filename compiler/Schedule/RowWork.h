//===- RowWork.h - how work on rows is divided ------------------*- C++ -*-===//
//
// A target's numbers for elementwise work, sums of rows, and tables. What they divide depends on
// shapes alone, so that results have the same bits in every run. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>

namespace stc {

struct RowWork {
  /// Elements of an item, about; enough to outweigh the start of an item by far.
  int64_t itemElements;
  /// Rows at least this long are cut into blocks of columns, if they need no second sweep.
  int64_t longRow, blockColumns;
  /// Whether blocks have the same number of columns in every launch, so that a kernel knows it.
  bool fixedBlocks;
  /// A kernel that is told how many columns there are is told it in units of a power of two, at
  /// most this one.
  int64_t maxUnit;
  /// Parts that an output combined over items has at most, and how many of them one item combines,
  /// of columns and of a scalar; 0 for all.
  int64_t maxParts, partsAtOnce, scalarPartsAtOnce;
  /// Of a scatter-add: columns of an item; parts that the rows are cut into at most; rows whose
  /// loads are under way at once.
  int64_t scatterColumns, maxScatterParts, scatterRows;
  /// Whether items have memory of their own (tile.scratch).
  bool scratch;
};

/// An item is a thread's of the host, and outweighs many cache lines.
inline constexpr RowWork kHostRows{.itemElements = 32768,
                                   .longRow = 16384,
                                   .blockColumns = 4096,
                                   .fixedBlocks = false,
                                   .maxUnit = 1,
                                   .maxParts = 256,
                                   .partsAtOnce = 0,
                                   .scalarPartsAtOnce = 0,
                                   .scatterColumns = 32,
                                   .maxScatterParts = 1,
                                   .scatterRows = 1,
                                   .scratch = true};

/// An item is a warp's, of which an H100 runs 1584 at once where it has 168 registers a lane. Rows
/// stay in registers; no
/// lane adds more than 48 parts one after the other.
inline constexpr RowWork kCudaRows{.itemElements = 1024,
                                   .longRow = 1024,
                                   .blockColumns = 512,
                                   .fixedBlocks = true,
                                   .maxUnit = 8,
                                   .maxParts = 1536,
                                   .partsAtOnce = 48,
                                   .scalarPartsAtOnce = 2048,
                                   .scatterColumns = 128,
                                   .maxScatterParts = 128,
                                   .scatterRows = 8,
                                   .scratch = false};

} // namespace stc

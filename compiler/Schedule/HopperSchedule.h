//===- HopperSchedule.h - tile sizes of attention on sm_90a -----*- C++ -*-===//
//
// A pure function of the shape. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Schedule/AttentionSchedule.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace stc {

/// The shape of one attention kernel for a Hopper GPU.
struct HopperShape {
  /// Elements of a query (or key) and of a value, at most 128.
  int64_t querySize = 64, valueSize = 64;
  /// Rows of a tile of queries, a multiple of 64; widths of the blocks of rows that the key views
  /// are made of, 1 where rows lie apart evenly.
  int64_t queryRows = 128;
  std::vector<int64_t> keyWidths;
};

struct HopperSchedule {
  /// Warpgroups that compute, each 64 queries; one more copies.
  int64_t groups = 2;
  /// Keys of a tile, and tiles of keys and values in flight.
  int64_t keyRows = 128, stages = 2;

  int64_t queryRows() const { return 64 * groups; }
  int64_t threads() const { return 128 * (groups + 1); }
  /// Registers of a thread of each kind of warpgroup, of 65,536 in all.
  int64_t computeRegisters() const { return groups == 1 ? 240 : groups == 2 ? 240 : 160; }
  int64_t copyRegisters() const { return groups == 1 ? 56 : groups == 2 ? 24 : 32; }
  bool operator==(const HopperSchedule &) const = default;
};

/// Tiles of queries, whose key ranges are found for all at once.
AttentionSchedule chooseHopperTiles(const pattern::Walk &walk, int64_t n);
/// No value where no tile of keys fits all views.
std::optional<HopperSchedule> chooseHopperSchedule(const HopperShape &shape);

} // namespace stc

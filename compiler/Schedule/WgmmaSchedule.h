//===- WgmmaSchedule.h - tile sizes of attention on sm_90a -----*- C++ -*-===//
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

/// Sizes of heads that products take; what is missing is filled with zeros by the copy.
constexpr int64_t paddedHead(int64_t size) { return (size + 31) / 32 * 32; }

/// The shape of one attention kernel for a Hopper GPU.
struct WgmmaShape {
  /// Elements of a query (or key) and of a value, at most 128.
  int64_t querySize = 64, valueSize = 64;
  /// Rows of a tile of queries; widths of the blocks of rows that the key views
  /// are made of, 1 where rows lie apart evenly.
  int64_t queryRows = 128;
  std::vector<int64_t> keyWidths;
};

/// The warpgroups of a block.
struct Warpgroups {
  /// Those that compute, each 64 rows of the axis that is cut into tiles; one more copies.
  int64_t groups = 2;
  /// Blocks of a multiprocessor: short items are mostly waiting, two wait at once.
  int64_t blocks = 1;

  int64_t threads() const { return 128 * (groups + 1); }
  /// Registers of a thread of each kind of warpgroup, of 65,536 in all.
  int64_t computeRegisters() const {
    return groups == 3 ? 160 : groups == 2 ? 232 : blocks == 1 ? 240 : 200;
  }
  int64_t copyRegisters() const { return groups == 1 ? 56 : groups == 2 ? 40 : 32; }
  bool operator==(const Warpgroups &) const = default;
};

struct WgmmaSchedule : Warpgroups {
  /// Keys of a tile, and tiles of keys and values in flight.
  int64_t keyRows = 128, stages = 2;

  int64_t queryRows() const { return 64 * groups; }
  /// Whether the scores of the next item find registers beside the output of this one, of so many
  /// elements a value.
  bool overlapsItems(int64_t valueSize) const {
    constexpr int64_t others = 105;
    return (paddedHead(valueSize) + keyRows) / 2 + others <= computeRegisters();
  }
  bool operator==(const WgmmaSchedule &) const = default;
};

/// Of the gradient by tiles of keys.
struct WgmmaKeyGradShape {
  int64_t querySize = 64, valueSize = 64;
  /// Rows of a tile of keys; widths of the blocks of rows of the query views.
  int64_t keyRows = 128;
  std::vector<int64_t> queryWidths;
  /// Whether queries are summed too.
  bool sumsQueries = false;
};

struct WgmmaKeyGradSchedule : Warpgroups {
  /// Queries of a tile, 64 or 128 where queries are summed; tiles of them in flight, and items.
  int64_t queryRows = 128, stages = 2, itemStages = 2;

  int64_t keyRows() const { return 64 * groups; }
  /// Two gradients and two tiles of scores take all that there are.
  int64_t computeRegisters() const { return groups == 2 ? 240 : Warpgroups::computeRegisters(); }
  int64_t copyRegisters() const { return groups == 2 ? 24 : Warpgroups::copyRegisters(); }
  bool operator==(const WgmmaKeyGradSchedule &) const = default;
};

/// Of the gradient by tiles of queries; shapes are those of the forward kernel.
struct WgmmaQueryGradSchedule : Warpgroups {
  /// Keys of a tile; tiles of keys in flight, and items.
  int64_t keyRows = 128, stages = 2, itemStages = 2;

  int64_t queryRows() const { return 64 * groups; }
  bool operator==(const WgmmaQueryGradSchedule &) const = default;
};

/// Whether tiles of keys add up the gradient of queries in memory, five products a pair, or queries
/// have kernels of their own, seven products, but fewer bytes.
bool wgmmaSumsQueries(const QuerySumWork &work);

/// Residues that are shorter than half of a warpgroup's rows stand side by side.
inline constexpr int64_t kWgmmaPackedRows = 64;

/// Tiles of queries, of `mostRows` rows at most, whose key ranges are found for all at once.
AttentionSchedule chooseQueryTiles(const pattern::Walk &walk, int64_t n, int64_t mostRows = 128);
/// No value, of all three, where no tile of the other axis fits all views, or where rows are no
/// whole warpgroups.
std::optional<WgmmaSchedule> chooseWgmmaSchedule(const WgmmaShape &shape);

/// The same for tiles of keys and the queries that meet them.
AttentionSchedule chooseKeyTiles(const pattern::View &key, int64_t n, int64_t mostRows = 128);
/// Keys of a tile that very many queries meet, where these are not summed: the scores of three
/// warpgroups leave less of the tensor cores idle than those of two. 0 where heads leave no
/// registers for that.
int64_t wgmmaTallKeyRows(int64_t querySize, int64_t valueSize);
std::optional<WgmmaKeyGradSchedule> chooseWgmmaKeyGradSchedule(const WgmmaKeyGradShape &shape);
std::optional<WgmmaQueryGradSchedule> chooseWgmmaQueryGradSchedule(const WgmmaShape &shape);

} // namespace stc

//===- WalkForms.h - the walks of a pattern, cut into tiles -----*- C++ -*-===//
#pragma once

#include "compiler/Conversion/StcToTile/AttentionKernel.h"
#include "compiler/Schedule/AttentionWork.h"

namespace stc {

/// Chooses tiles over n positions: of a walk's queries, and of keys where gradients go by tiles of
/// both (null: one kernel by tiles of queries).
struct AttentionTiles {
  std::function<AttentionSchedule(const pattern::Walk &, int64_t n, int64_t mostRows)> ofQueries;
  std::function<AttentionSchedule(const pattern::View &key, int64_t n, int64_t mostRows)> ofKeys;
  /// The most rows of a tile of queries and of one of keys, by the sizes of heads and the type of
  /// their elements (null: any number).
  std::function<MostRows(int64_t querySize, int64_t valueSize, mlir::Type element)> mostRows;
  /// Whether tiles of keys add up the gradient of queries too, which else has kernels of its own;
  /// the sums come in any order.
  std::function<bool(const QuerySumWork &)> sumsQueries;
  /// Residues of a stride stand side by side in a tile up to so many rows.
  int64_t packedRows = 0;
  /// Rows of tiles of keys that very many queries meet, where these are not summed; 0 where those
  /// of `ofKeys` are as good.
  std::function<int64_t(int64_t querySize, int64_t valueSize)> tallKeyRows;
  /// Whether the tiles of a residue run next to each other in time, so that what they share is read
  /// from memory once: for blocks that share a cache which is small beside the tensors.
  bool residueByResidue = false;
};

/// Whether the tiles of keys meet the queries in turn, each query in one of them alone. Tiles of
/// queries have at most 128 rows.
bool meetsAllOnce(const WalkForm &walk, int64_t n);

/// Pairs that the tiles compute, all batches and heads aside; of chunks, the last one's.
double computedPairs(const WalkForm &walk, int64_t n);

/// Whether there are several tiles, no two of which have a row of the other axis in common.
bool isApart(const WalkForm &walk, int64_t n);

/// The segments of all walks that share a view of keys, as one walk. Keys that very many queries
/// meet have tiles of `tallRows`, if it is not 0 and the view is made of such tiles.
std::vector<WalkForm> walksByKeys(const pattern::Pattern &pattern, int64_t n, int64_t mostRows,
                                  const AttentionTiles &tiles, int64_t tallRows);

/// The walks by query view. `single`: each query is a tile; `apart`: no two residues of queries
/// meet the same keys in one kernel.
std::vector<WalkForm> walksByQueries(const pattern::Pattern &pattern, int64_t n, int64_t mostRows,
                                     const AttentionTiles &tiles, bool single, bool apart,
                                     const AttentionChunk &chunk);

/// A walk over residues of a stride on both axes, as one over several of them side by side where
/// they are short: one tile has all of their rows, and pairs of one residue alone.
void packResidues(WalkForm &walk, int64_t n, int64_t mostRows, const AttentionTiles &tiles);

/// A walk over all positions of its axis, without a pair.
WalkForm noPairs(AttentionSchedule schedule, int64_t n);

} // namespace stc

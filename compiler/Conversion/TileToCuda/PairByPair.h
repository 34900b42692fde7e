//===- PairByPair.h - rows of attention computed pair by pair ---*- C++ -*-===//
//
// Of what infinities and NaNs reach, only what the pattern has: nothing is multiplied by 0.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaKernel.h"
#include "compiler/Conversion/TileToCuda/WalkTiles.h"

namespace stc {

/// Rows that four neighbouring lanes compute together, one after the other: row `first`, and so
/// many, 8 apart. `column` is the lane's first one: it has pairs of columns, 8 apart, of as many.
struct LaneRows {
  mlir::Value first;
  int64_t count;
  mlir::Value column;
};

/// Computes and stores these rows of an item's output and log-sum-exps.
void attendByPairs(CudaKernel &kernel, tile::AttentionOp op, const CudaItem &item,
                   const WalkTiles &tiles, const LaneRows &rows);

/// The same for the gradients of queries; with `resume` they are added to what stands there.
void addQueryGradsByPairs(CudaKernel &kernel, tile::AttentionQueryGradOp op, const CudaItem &item,
                          const WalkTiles &tiles, const LaneRows &rows);
/// The same for the gradients of keys and values: rows are keys, and tiles are of queries.
void addKeyGradsByPairs(CudaKernel &kernel, tile::AttentionKeyGradOp op, const CudaItem &item,
                        const WalkTiles &tiles, const LaneRows &rows);
/// Four lanes of a block's, which has so many, and the first one's pairs of columns as above.
struct LaneGroup {
  mlir::Value number;
  int64_t count;
  mlir::Value column;
};
/// What an item's keys give to the sums of queries' gradients, if there is an infinity or NaN among
/// the keys: what was left out before. All lanes of the block come here.
void addSpecialKeysByPairs(CudaKernel &kernel, tile::AttentionKeyGradOp op, const CudaItem &item,
                           const WalkTiles &tiles, const LaneGroup &lanes);

} // namespace stc

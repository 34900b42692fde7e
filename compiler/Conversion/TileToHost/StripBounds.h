//===- StripBounds.h - which key rows each strip of a tile meets -*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToHost/Emitter.h"

namespace stc {

/// Runs the body for each range of a walk that one of a tile's strips meets: those from the query
/// row `row` on that have a row below `rowEnd`.
void eachRangeOfTile(Emitter &e, tile::WalkOp walk, mlir::Value residue, mlir::Value row,
                     mlir::Value rowEnd, int64_t strips,
                     llvm::function_ref<void(const HostRange &)> body);

/// The bounds of a range for all strips of a query tile, computed once a tile into scratch.
class StripBounds {
public:
  /// Strips of the tile whose first query row is `row` and that have a row below `rowEnd`.
  StripBounds(Emitter &e, const HostRange &range, mlir::Value row, mlir::Value rowEnd,
              int64_t strips);

  /// Key rows of the whole tile: [lo, hi), the hull over the strips.
  mlir::Value lo, hi;

  /// What a strip has to do in the chunk of keys [chunk, chunk + length): rows relative to the
  /// chunk, from a multiple of the register tile to one past the last, and the full range,
  /// absolute.
  struct Clipped {
    mlir::Value begin, end, fullLo, fullHi, hi;
  };
  Clipped clip(Emitter &e, mlir::Value strip, mlir::Value chunk, mlir::Value length) const;

private:
  mlir::Value memory; // strips x {lo, fullLo, fullHi, hi}
};

} // namespace stc

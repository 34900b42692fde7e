//===- TileList.h - which tiles hold pairs, as a list ---------------------===//
#pragma once

#include "compiler/Pattern/Pattern.h"

namespace stc::pattern {

/// Pairs on two axes without residues, of which one is cut into tiles.
struct Tiling {
  int64_t n;
  View tiled, other;
  bool areKeysTiled;
  /// Holds for the pairs among 0 <= i, j < n, over (i, j) = (0, 1).
  Expr condition;
};

/// About how many pairs are in the tiles of 64 x 64 that hold any, from some of the tiles. No value
/// if to find all would take more than about a second, or a list too long for a program.
std::optional<double> listedPairs(const Tiling &tiling);

/// Those tiles of the other axis that hold pairs, each as a range of its own. Where the condition
/// repeats along the diagonal, the list is that of one period. Tiles shorter than those of a GPU
/// share one list of some.
Range listedRange(const Tiling &tiling, int64_t tile);

} // namespace stc::pattern

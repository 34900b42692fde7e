//===- WalkTiles.h - the tiles of an item's walks ---------------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaEmitter.h"

namespace stc {

/// A range of rows of one walk that a tile meets.
struct WalkRange {
  unsigned walk;
  mlir::Value number; ///< of several ranges; null of one
  mlir::Value lo, fullLo, fullHi, hi;
};

/// Walks whose masks are the same but for some constants, such as those of several diagonals.
struct MaskFamily {
  llvm::SmallVector<unsigned> walks;
  /// Which ops of each mask are those constants.
  llvm::SmallVector<unsigned> constants;
};

/// All walks of a tile as one sequence of tiles of the other axis, from the last of each walk to
/// its first.
class WalkTiles {
public:
  WalkTiles(CudaEmitter &e, llvm::ArrayRef<tile::WalkOp> walks, mlir::Value residue,
            mlir::Value tile, int64_t rows);

  /// At least one, so that no loop is empty; it then has no pair.
  mlir::Value count;

  /// Runs the function of the walk that the number belongs to, with the tile's first row.
  void byWalk(mlir::Value number,
              llvm::function_ref<void(unsigned walk, mlir::Value row)> body) const;
  CudaEmitter::Values
  chooseByWalk(mlir::Value number, mlir::TypeRange types,
               llvm::function_ref<CudaEmitter::Values(unsigned walk, mlir::Value row)> body) const;
  unsigned size() const { return walks.size(); }
  tile::ViewAttr view(unsigned walk) const { return tile::WalkOp(walks[walk]).getView(); }
  /// The residue of that view that the item meets.
  mlir::Value residueOf(unsigned walk) const { return residues[walk]; }

  /// The rows of the axis that is cut into tiles, in a lane's results: two numbers and, where a row
  /// that does not exist would do harm, how many rows exist (null: no tile is cut off).
  struct Own {
    std::array<mlir::Value, 2> rows;
    bool areKeys = false;
    mlir::Value existing, wholeTile; // i1: all of the tile's rows exist
  };
  /// The rows of the other axis in a lane's results: a tile's `first` + 8j + lane and the next one.
  struct Columns {
    mlir::Value lane; ///< even, and less than 8
    int64_t first = 0;
  };
  /// Scores of pairs that are not the pattern's become minus infinity, or another value.
  CudaEmitter::Values masked(mlir::Value number, const Own &own, Columns columns,
                             const CudaEmitter::Values &scores,
                             float masked = -std::numeric_limits<float>::infinity()) const;

  /// Whether this row of the other axis makes a pair of the pattern with the lane's row `half` of
  /// two.
  mlir::Value isPair(const WalkRange &range, const Own &own, int half, mlir::Value other) const;
  /// Runs the body for the other axis' rows of all ranges, one by one or `step` from one to the
  /// next, with values carried from one to the next. The rows of a range end before its `hi`.
  CudaEmitter::Values eachRow(
      mlir::ValueRange carried,
      llvm::function_ref<CudaEmitter::Values(const WalkRange &, mlir::Value row, mlir::ValueRange)>
          body,
      int64_t step = 1) const;

private:
  /// What is known of all of a walk's tiles.
  struct All {
    WalkRange range;            ///< of one range; its `lo` is the number of its first tile
    mlir::Value begin, end;     ///< of several: their numbers,
    mlir::Value each;           ///< and the tiles of each
    mlir::Value count, numbers; ///< of tiles, and those of this walk and the ones before
  };
  All allOf(unsigned walk, mlir::Value tile) const;
  WalkRange rangeOf(unsigned walk, mlir::Value tile, mlir::Value number) const;
  /// The range of a tile, for code that runs only in it, and the tile's first row.
  std::pair<WalkRange, mlir::Value> rangeAt(unsigned walk, mlir::Value number) const;
  CudaEmitter::Values chooseRange(
      mlir::Value number, mlir::TypeRange types,
      llvm::function_ref<CudaEmitter::Values(const WalkRange &, mlir::Value row)> body) const;
  /// Whether all pairs of a tile are the pattern's.
  mlir::Value isFull(const WalkRange &range, mlir::Value row, const Own &own) const;
  bool areTilesWhole(unsigned walk) const;
  /// The scores of a walk's tile, each looked at.
  struct Tile {
    const Own &own;
    WalkRange range;
    mlir::Value row; ///< the tile's first of the other axis
    Columns columns;
    const CudaEmitter::Values &scores;
    mlir::Value none;
  };
  CudaEmitter::Values maskedBy(const mlir::IRMapping &constants, const Tile &tile) const;
  CudaEmitter::Values maskedByFamily(mlir::Value number, Tile tile) const;

  CudaEmitter &e;
  llvm::SmallVector<tile::WalkOp> walks;
  mlir::Value residue, tile;
  int64_t tileRows;
  llvm::SmallVector<All> all;
  llvm::SmallVector<mlir::Value> residues;
  llvm::SmallVector<MaskFamily> families;
};

/// Whether it is known that none of the walks has a tile: all their rows are zeros.
bool haveNoTiles(llvm::ArrayRef<tile::WalkOp> walks);

} // namespace stc

//===- AmpereKernel.h - what forward and backward kernels by mma.sync share -*- C++ -*-===//
//
// All warps of a block copy tiles, row by row at addresses that are computed from the view, and all
// compute: any view, any size of heads.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaKernel.h"
#include "compiler/Conversion/TileToCuda/WalkTiles.h"
#include "compiler/Schedule/AmpereSchedule.h"

namespace stc {

/// A tile of rows in shared memory.
struct PaddedTile {
  int64_t rows, columns; // a multiple of 16

  int64_t rowBytes() const { return ampereRowBytes(columns); }
  int64_t bytes() const { return rows * rowBytes(); }
};

/// A thread's place: its lane and warp, and its first row and column in 16 rows of a product's
/// results.
struct AmperePlace {
  mlir::Value thread, lane, warp, row, column;

  AmperePlace() = default;
  AmperePlace(CudaEmitter &e, int64_t threads);
};

/// A tile, from an address on, as an operand of a warp's products: as the left or the right one,
/// the sum running along its columns or its rows.
class WarpOperand {
public:
  enum Side { Left, Right };
  enum Sum { AlongColumns, AlongRows };
  WarpOperand(CudaEmitter &e, const PaddedTile &tile, mlir::Value address, mlir::Value lane,
              Side side, Sum sum);

  /// 16 x 16 elements, from `k` along the sum and from `at` in the other dimension on, in four
  /// registers: a left operand, or two right operands side by side.
  CudaEmitter::Values load(int64_t k, int64_t at) const;

private:
  CudaEmitter &e;
  int64_t rowBytes;
  Sum sum;
  mlir::Value pointer;
};

/// Results of products, 16 rows each.
using Parts = llvm::SmallVector<CudaEmitter::Values>;

/// Sums += A B for parts of A of 16 rows, over `steps` of 16: `left` gives the registers of a part
/// at a step; B begins at `at` and, along the sum, at `first`, and is loaded once for all parts.
void product(CudaEmitter &e, int64_t steps,
             llvm::function_ref<CudaEmitter::Values(int64_t part, int64_t step)> left,
             const WarpOperand &right, Parts &sums, int64_t at = 0, int64_t first = 0);
/// Parts one after the other, as a loop carries them, and back.
CudaEmitter::Values flat(const Parts &parts);
Parts inParts(mlir::ValueRange values, int64_t parts);

/// The frame of a kernel whose tiles are brought by its own threads.
class AmpereKernel : public CudaKernel {
public:
  AmpereKernel(tile::KernelOp kernel, mlir::Type element, int64_t threads)
      : CudaKernel(kernel, element), threads(threads), place(emitter(), threads) {}

  const int64_t threads;
  const AmperePlace place;

  /// Starts the copies of a tile from a row of a view on, by all threads. Rows and columns that do
  /// not exist are zeros.
  void copy(mlir::Value target, const PaddedTile &tile, const CudaTensor &tensor,
            tile::ViewAttr view, mlir::Value row, const CudaItem &item);
  /// The same for rows of one float each, of two tensors [batch, heads, positions] one behind the
  /// other, by as many threads.
  void copyFloats(mlir::Value target, int64_t rows, const CudaTensor &one, const CudaTensor &other,
                  tile::ViewAttr view, mlir::Value row, const CudaItem &item);
  /// A ring of tiles of one tensor, by its slots in shared memory.
  struct TileRing {
    const CudaTensor &tensor;
    const PaddedTile &tile;
    int64_t slots;
  };
  /// Starts the copies of a tile of the walks, if there is one of that number, into its slot of the
  /// rings, as one group; `more` starts others of the same rows.
  void copyTiles(const WalkTiles &tiles, mlir::Value number, const CudaItem &item, int64_t stages,
                 llvm::ArrayRef<TileRing> rings,
                 llvm::function_ref<void(mlir::Value slot, tile::ViewAttr view, mlir::Value row)>
                     more = nullptr);
  /// Writes two rows of a product's results, times the scale, as far as they exist.
  void writeGradient(const GradientPlace &to, std::array<mlir::Value, 2> rows,
                     CudaEmitter::Values sums);
};

} // namespace stc

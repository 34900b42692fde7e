//===- WgmmaKernel.h - what forward and backward kernels share -*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToCuda/FiniteItems.h"
#include "compiler/Conversion/TileToCuda/WalkTiles.h"

namespace stc {

/// A slot of a ring and the parity of its barriers, as two carried values.
struct Ring {
  mlir::Value slot, parity;
};
Ring next(CudaEmitter &e, Ring ring, int64_t stages);

/// A computing thread's place: its warpgroup (of those that compute), number and warp in it, and
/// its first row and column in a tile of 64 rows a warpgroup, as products have their results.
struct WgmmaPlace {
  mlir::Value group, thread, lane, warp, row, column;

  WgmmaPlace() = default;
  WgmmaPlace(CudaEmitter &e, mlir::Value thread, mlir::Value group);
};

/// A tile of rows in shared memory, in panels of columns.
struct SharedTile {
  int64_t rows, columns; // padded

  int64_t panel() const { return panelColumns(columns); }
  int64_t rowBytes() const { return panel() * 2; }
  int64_t panels() const { return columns / panel(); }
  int64_t panelBytes() const { return rows * rowBytes(); }
  int64_t bytes() const { return rows * columns * 2; }

  /// What a copy brings from a view.
  int64_t copiedBytes(tile::ViewAttr view) const { return copiedRows(view, rows) * columns * 2; }

  /// As an operand whose sum runs along the columns, or along the rows (`transposed`), `extent`
  /// long.
  CudaEmitter::SharedOperand operand(CudaEmitter &e, mlir::Value address, bool transposed) const;
  /// Zeros in the rows from `begin` on, by a number of threads.
  void clear(CudaEmitter &e, mlir::Value address, mlir::Value begin, mlir::Value thread,
             int64_t threads) const;
  /// Writes a warpgroup's 64 rows from `address` on.
  void write(CudaEmitter &e, mlir::Value address, const WgmmaPlace &place,
             const CudaEmitter::Fragments &fragments) const;
  /// Reads these rows as floats, in the order of the results of a product.
  CudaEmitter::Values read(CudaEmitter &e, mlir::Value address, const WgmmaPlace &place) const;

private:
  /// Where this lane has its row of each 16 columns.
  CudaEmitter::Values places(CudaEmitter &e, mlir::Value address, const WgmmaPlace &place) const;
};

/// The frame of a kernel whose tiles are brought by the copy engine.
class WgmmaKernel : public CudaKernel {
public:
  using CudaKernel::CudaKernel;

  /// The barriers of a ring's slots, in shared memory: how many arrivals make one full, or empty;
  /// without `empties` there is no barrier for that.
  struct RingBarriers {
    int64_t full, empty, stages, fills, empties;
  };
  /// Makes the barriers ready, finds this thread's place, and splits the block: the warps of the
  /// first warpgroup copy, the others compute.
  template <typename Schedule>
  void split(const Schedule &schedule, llvm::ArrayRef<RingBarriers> rings, WgmmaPlace &place,
             llvm::function_ref<void(mlir::Value warp)> copy, llvm::function_ref<void()> compute) {
    split(schedule.threads(), schedule.copyRegisters(), schedule.computeRegisters(), rings, place,
          copy, compute);
  }

  /// Starts the copies of a tile from a row of a view on; the tile is full when the barrier has its
  /// bytes.
  void copy(mlir::Value target, const SharedTile &tile, const CudaTensor &tensor,
            tile::ViewAttr view, mlir::Value row, const CudaItem &item, mlir::Value barrier);
  /// A ring of tiles of one tensor: its slots and their barriers in shared memory.
  struct TileRing {
    const CudaTensor &tensor;
    const SharedTile &tile;
    int64_t slots, full, empty;
  };
  /// Copies all tiles of the walks into the rings, slot by slot as these get empty.
  Ring copyTiles(const WalkTiles &tiles, const CudaItem &item, Ring ring, int64_t stages,
                 llvm::ArrayRef<TileRing> rings);
  /// Starts the copies of 64 rows of a tile to a tensor, or with `add` adds them to what stands
  /// there; rows that do not exist are left out where the view ends exactly.
  void store(mlir::Value source, const SharedTile &tile, const CudaTensor &tensor,
             tile::ViewAttr view, mlir::Value row, const CudaItem &item, bool add = false);
  /// Each warpgroup is a group, with its word behind the barriers.
  FiniteItems finiteItems(const WgmmaPlace &place, int64_t words, bool resumes);
  /// Makes a warpgroup wait until all of its copies to tensors have arrived there.
  void settleStores(const WgmmaPlace &place);
  /// Zeros in the rows of a tensor's tile that are not the view's: the copy brought those of
  /// another batch, or memory that was never written. Their weights are 0, but 0 times NaN is NaN.
  /// `synchronize` makes all who read the tile wait for all who clear.
  void clearMissing(const WalkTiles &tiles, mlir::Value number, const CudaTensor &tensor,
                    const SharedTile &tile, mlir::Value address, mlir::Value thread,
                    int64_t threads, llvm::function_ref<void()> synchronize);

  /// Writes a warpgroup's 64 rows of a tile, times the scale, if it `stores`. They go through
  /// shared memory, in `staging`, which all warps of the group may still read; the copy from there
  /// is only started.
  void writeGradient(const GradientPlace &to, const WgmmaPlace &place, const SharedTile &tile,
                     mlir::Value staging, CudaEmitter::Values sums, mlir::Value stores);

private:
  void split(int64_t threads, int64_t copyRegisters, int64_t computeRegisters,
             llvm::ArrayRef<RingBarriers> rings, WgmmaPlace &place,
             llvm::function_ref<void(mlir::Value warp)> copy, llvm::function_ref<void()> compute);
};

} // namespace stc

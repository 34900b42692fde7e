//===- MmaSyncKernel.h - what forward and backward kernels by mma.sync share -*- C++ -*-===//
//
// All warps of a block copy tiles, row by row at addresses that are computed from the view, and all
// compute: any view, any size of heads.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/TileToCuda/FiniteItems.h"
#include "compiler/Conversion/TileToCuda/PairByPair.h"
#include "compiler/Conversion/TileToCuda/WalkTiles.h"
#include "compiler/Conversion/TileToCuda/WarpProduct.h"

namespace stc {

/// A thread's place: its lane and warp, and its first row and column in 16 rows of a product's
/// results.
struct MmaSyncPlace {
  mlir::Value thread, lane, warp, row, column;

  MmaSyncPlace() = default;
  MmaSyncPlace(CudaEmitter &e, int64_t threads);
};

/// The frame of a kernel whose tiles are brought by its own threads.
class MmaSyncKernel : public CudaKernel {
public:
  MmaSyncKernel(tile::KernelOp kernel, mlir::Type element, int64_t threads)
      : CudaKernel(kernel, element), threads(threads), place(emitter(), threads),
        products(WarpProduct::create(emitter())) {}

  const int64_t threads;
  const MmaSyncPlace place;
  const std::unique_ptr<WarpProduct> products;

  /// A tile of the kernel's elements, of heads of a size.
  PaddedTile tile(int64_t rows, int64_t size) {
    return {rows, mmaSyncHead(size), emitter().elementBytes()};
  }
  WarpOperand operand(const PaddedTile &tile, mlir::Value address, WarpProduct::Side side,
                      WarpProduct::Sum sum) {
    return {*products, tile, address, place.lane, side, sum};
  }
  /// Some results of products, 16 rows each, as left operands.
  CudaEmitter::Values left(const CudaEmitter::Values &results, int64_t step) {
    return products->left(llvm::ArrayRef<mlir::Value>(results).slice(8 * step, 8));
  }

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
  /// rings, as one group; `more` starts others of the same rows, which are of the item that it
  /// gets.
  void copyTiles(const WalkTiles &tiles, mlir::Value number, const CudaItem &item, int64_t stages,
                 llvm::ArrayRef<TileRing> rings,
                 llvm::function_ref<void(mlir::Value slot, tile::ViewAttr view, mlir::Value row,
                                         const CudaItem &item)>
                     more = nullptr);
  /// Each warp is a group, whose word lies in the padding of the first of its rows of a tile of
  /// shared memory, `parts` times 16 of them. Ready behind the first barrier of all.
  FiniteItems finiteItems(int64_t tileAt, const PaddedTile &tile, int64_t parts, bool resumes) {
    CudaEmitter &e = emitter();
    mlir::Value row = e.mul(place.warp, 16 * parts * tile.rowBytes());
    FiniteItems items(*this, e.add(shared(tileAt + tile.rowBytes() - FiniteItems::bytes), row),
                      resumes);
    items.begin();
    return items;
  }
  /// Behind the last item, those that are not finite once more: each warp its rows of a tile of
  /// `tileRows`, in tiles of `otherRows` of the other axis.
  template <typename Op>
  void again(const FiniteItems &finite, Op op, llvm::ArrayRef<tile::WalkOp> walks, int64_t tileRows,
             int64_t otherRows, int64_t parts,
             llvm::function_ref<void(CudaKernel &, std::type_identity_t<Op>, const CudaItem &,
                                     const WalkTiles &, const LaneRows &)>
                 byPairs) {
    CudaEmitter &e = emitter();
    auto compute = [&](mlir::IRMapping &mapping) {
      const CudaItem item(op, mapping);
      WalkTiles tiles(e, walks, item.residue, item.tile, otherRows);
      mlir::Value first = e.add(e.mul(item.tile, tileRows), e.mul(place.warp, 16 * parts));
      byPairs(*this, op, item, tiles, {e.add(first, place.row), 2 * parts, place.column});
    };
    finite.again([&] { e.syncWarp(); }, compute);
  }
  /// Writes two rows of a product's results, times the scale, as far as they exist.
  void writeGradient(const GradientPlace &to, std::array<mlir::Value, 2> rows,
                     CudaEmitter::Values sums);
};

} // namespace stc

//===- HopperKernel.h - what forward and backward kernels share -*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaEmitter.h"
#include "compiler/Conversion/TileToCuda/TensorMaps.h"
#include "compiler/Schedule/HopperSchedule.h"
#include "dialects/Plan/Plan.h"

#include <mlir/IR/IRMapping.h>

namespace stc {

/// Places in shared memory, each at a multiple of 1024 bytes as swizzled tiles want.
class SharedPlan {
public:
  int64_t add(int64_t bytes) {
    int64_t at = used;
    used += llvm::alignTo(bytes, 1024);
    return at;
  }
  int64_t bytes() const { return used; }

private:
  int64_t used = 0;
};

class WalkTiles;

/// The scalars of an item.
struct HopperItem {
  mlir::Value batch, head, keyHead, residue, tile;

  HopperItem() = default;
  /// Of an op over tiles, whose scalars a kernel has mapped.
  template <typename Op>
  HopperItem(Op op, mlir::IRMapping &mapping)
      : batch(mapping.lookup(op.getBatch())), head(mapping.lookup(op.getHead())),
        keyHead(mapping.lookup(op.getKeyHead())), residue(mapping.lookup(op.getResidue())),
        tile(mapping.lookup(op.getTile())) {}

  /// Where keys, values and their gradients are.
  HopperItem ofKeys() const {
    HopperItem item = *this;
    item.head = keyHead;
    return item;
  }
};

/// A slot of a ring and the parity of its barriers, as two carried values.
struct Ring {
  mlir::Value slot, parity;
};
Ring next(CudaEmitter &e, Ring ring, int64_t stages);

/// A computing thread's place: its warpgroup (of those that compute), number and warp in it, and
/// its first row and column in a tile of 64 rows a warpgroup, as products have their results.
struct HopperPlace {
  mlir::Value group, thread, lane, warp, row, column;

  HopperPlace() = default;
  HopperPlace(CudaEmitter &e, mlir::Value thread, mlir::Value group);
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
  void write(CudaEmitter &e, mlir::Value address, const HopperPlace &place,
             const CudaEmitter::Fragments &fragments) const;
};

/// Where the sum of a query's gradient has a column, of each 32: a lane of a product has pairs of
/// columns, every fourth one, and finds four of them side by side, in 16 bytes of shared memory
/// that no other lane's store collides with. Pairs 4i + c and 4i + c + 1 are `kSumPairStride`
/// apart.
inline constexpr int64_t kSumPairStride = 8;
mlir::Value sumColumn(CudaEmitter &e, mlir::Value column);

/// The frame of a kernel: a function from tensor maps, buffers and the number of items, whose
/// blocks take items in turn.
class HopperKernel {
public:
  HopperKernel(tile::KernelOp kernel, mlir::Type element);

  /// Everything is emitted through this one.
  CudaEmitter &emitter() { return *e; }
  TensorMaps maps;

  /// The map as a parameter: added to the function at the end of the work.
  mlir::Value map(unsigned number);
  /// A buffer's address (global memory).
  mlir::Value buffer(unsigned argument);
  /// The bytes of one of the kernel's tensors from its first element: i64.
  mlir::Value address(const CudaTensor &tensor, mlir::Value batch, mlir::Value position,
                      mlir::Value head, int64_t column = 0);

  /// Of one element of a row.
  mlir::Value elementAddress(const CudaTensor &tensor, mlir::Value position, const HopperItem &item,
                             mlir::Value column);

  /// A place in shared memory, or that of a slot among equal ones.
  mlir::Value shared(int64_t offset) { return e->add(sharedBase, offset); }
  mlir::Value slotted(int64_t offset, mlir::Value slot, int64_t bytes) {
    return e->add(shared(offset), e->mul(slot, bytes));
  }
  /// Starts the copies of a tile from a row of a view on; the tile is full when the barrier has its
  /// bytes.
  void copy(mlir::Value target, const SharedTile &tile, const CudaTensor &tensor,
            tile::ViewAttr view, mlir::Value row, const HopperItem &item, mlir::Value barrier);
  /// A ring of tiles of one tensor: its slots and their barriers in shared memory.
  struct TileRing {
    const CudaTensor &tensor;
    const SharedTile &tile;
    int64_t slots, full, empty;
  };
  /// Copies all tiles of the walks into the rings, slot by slot as these get empty.
  Ring copyTiles(const WalkTiles &tiles, const HopperItem &item, Ring ring, int64_t stages,
                 llvm::ArrayRef<TileRing> rings);
  /// Starts the copies of 64 rows of a tile to a tensor; rows that do not exist are left out where
  /// the view ends exactly.
  void store(mlir::Value source, const SharedTile &tile, const CudaTensor &tensor,
             tile::ViewAttr view, mlir::Value row, const HopperItem &item);
  /// A lane's elements of a row: pairs, 8 columns apart.
  CudaEmitter::Values loadRow(const CudaTensor &tensor, mlir::Value position,
                              const HopperItem &item, const HopperPlace &place, int64_t columns);
  /// Half `half` of each fragment into a row.
  void storeRow(const CudaTensor &tensor, mlir::Value position, const HopperItem &item,
                const HopperPlace &place, const CudaEmitter::Fragments &fragments, int half);

  /// Where a tile's gradient goes: rows of a view; with `resume` it is added to what stands there.
  struct GradientPlace {
    const CudaTensor &tensor;
    tile::ViewAttr view;
    const HopperItem &item;
    float scale;
    bool resume;
  };
  /// Writes a warpgroup's 64 rows of a tile, times the scale. They go through shared memory, in
  /// `staging`, which all warps of the group may still read; the copy from there is only started.
  void writeGradient(const GradientPlace &to, const HopperPlace &place, const SharedTile &tile,
                     mlir::Value staging, CudaEmitter::Values sums);

  /// Runs `body` for the items of this block, with values carried from one to the next; `mapping`
  /// has the kernel's scalars of the item.
  CudaEmitter::Values eachItem(
      mlir::ValueRange carried,
      llvm::function_ref<CudaEmitter::Values(mlir::IRMapping &mapping, mlir::ValueRange)> body);

  /// Turns the kernel into one of the plan, with its grid; `blocks` find room on a multiprocessor.
  void finish(int64_t threads, int64_t sharedBytes, int64_t blocks = 1);

private:
  mlir::Value sharedBase;
  tile::KernelOp kernel;
  mlir::OpBuilder outer;
  plan::KernelOp result;
  mlir::ModuleOp module;
  mlir::LLVM::LLVMFuncOp function;
  std::unique_ptr<mlir::ImplicitLocOpBuilder> b;
  std::unique_ptr<CudaEmitter> e;
  llvm::SmallVector<mlir::Value> mapParameters, bufferParameters;
  mlir::Value items;
};

/// The rows of one walk that a tile meets.
struct WalkRange {
  mlir::Value first, count, fullLo, fullHi, hi;
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
  tile::ViewAttr view(unsigned walk) const { return tile::WalkOp(walks[walk]).getView(); }

  /// The rows of the axis that is cut into tiles, in a lane's results: two numbers and, where a row
  /// that does not exist would do harm, how many rows exist (null: no tile is cut off).
  struct Own {
    std::array<mlir::Value, 2> rows;
    bool areKeys = false;
    mlir::Value existing, wholeTile; // i1: all of the tile's rows exist
  };
  /// Scores of pairs that are not the pattern's become minus infinity. `column` is the lane's first
  /// row of the other axis.
  CudaEmitter::Values masked(mlir::Value number, const Own &own, mlir::Value column,
                             const CudaEmitter::Values &scores) const;
  /// Zeros in the rows of a tensor's tile that are not the view's: the copy brought those of
  /// another batch, or memory that was never written. Their weights are 0, but 0 times NaN is NaN.
  /// `synchronize` makes all who read the tile wait for all who clear.
  void clearMissing(mlir::Value number, const CudaTensor &tensor, const SharedTile &tile,
                    mlir::Value address, mlir::Value thread, int64_t threads,
                    llvm::function_ref<void()> synchronize) const;

private:
  CudaEmitter &e;
  llvm::SmallVector<tile::WalkOp> walks;
  mlir::Value residue;
  int64_t tileRows;
  llvm::SmallVector<WalkRange> ranges;
  llvm::SmallVector<mlir::Value> ends; // numbers behind each walk
};

} // namespace stc

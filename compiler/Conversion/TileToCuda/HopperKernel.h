//===- HopperKernel.h - what forward and backward kernels share -*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaEmitter.h"
#include "compiler/Conversion/TileToCuda/TensorMaps.h"
#include "compiler/Schedule/HopperSchedule.h"
#include "dialects/Plan/Plan.h"

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

  /// Runs `body` for the items of this block, with values carried from one to the next; `mapping`
  /// has the kernel's scalars of the item.
  CudaEmitter::Values eachItem(
      mlir::ValueRange carried,
      llvm::function_ref<CudaEmitter::Values(mlir::IRMapping &mapping, mlir::ValueRange)> body);

  /// Turns the kernel into one of the plan, with its grid.
  void finish(int64_t threads, int64_t sharedBytes);

  mlir::Value sharedBase;

private:
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

/// A tile of rows in shared memory, in panels of columns.
struct SharedTile {
  int64_t rows, columns; // padded

  int64_t panel() const { return panelColumns(columns); }
  int64_t rowBytes() const { return panel() * 2; }
  int64_t panels() const { return columns / panel(); }
  int64_t panelBytes() const { return rows * rowBytes(); }
  int64_t bytes() const { return rows * columns * 2; }

  /// As an operand whose sum runs along the columns, or along the rows (`transposed`), `extent`
  /// long.
  CudaEmitter::SharedOperand operand(CudaEmitter &e, mlir::Value address, bool transposed) const;
};

/// One walk of a tile of queries, in tiles of keys.
struct WalkRange {
  mlir::Value first, count, fullLo, fullHi, hi;
};
WalkRange walkRange(CudaEmitter &e, tile::WalkOp walk, mlir::Value residue, mlir::Value tile,
                    int64_t keyRows);

/// All walks of a tile of queries as one sequence of key tiles, from the last of each to its first.
class KeyTiles {
public:
  KeyTiles(CudaEmitter &e, llvm::ArrayRef<tile::WalkOp> walks, mlir::Value residue,
           mlir::Value tile, int64_t keyRows);

  /// At least one, so that no loop is empty; it then has no pair.
  mlir::Value count;

  /// Runs the function of the walk that the number belongs to, with the tile's first key row.
  void byWalk(mlir::Value number,
              llvm::function_ref<void(unsigned walk, mlir::Value keyRow)> body) const;
  CudaEmitter::Values chooseByWalk(
      mlir::Value number, mlir::TypeRange types,
      llvm::function_ref<CudaEmitter::Values(unsigned walk, mlir::Value keyRow)> body) const;
  const WalkRange &range(unsigned walk) const { return ranges[walk]; }

private:
  CudaEmitter &e;
  int64_t keyRows;
  llvm::SmallVector<WalkRange> ranges;
  llvm::SmallVector<mlir::Value> ends; // numbers behind each walk
};

/// Slots of a ring and the parity of their barriers, as two carried values.
struct Ring {
  mlir::Value slot, parity;
};
Ring next(CudaEmitter &e, Ring ring, int64_t stages);

} // namespace stc

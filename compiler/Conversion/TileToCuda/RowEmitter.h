//===- RowEmitter.h - what kernels of rows emit -----------------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaKernel.h"
#include "compiler/Conversion/TileToCuda/RowLanes.h"

namespace stc {

/// The columns of a lane in one step of a sweep: V neighbours, or none.
struct LaneColumns {
  /// An index: the first one; of the sweep's first lane where this one has none.
  mlir::Value first;
  /// Whether there are any: i1, null if always.
  mlir::Value exist;
};

/// Where a kernel of rows is: values that are the same in all lanes, and each lane's own.
class RowEmitter {
public:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<mlir::Value>;

  RowEmitter(CudaKernel &kernel, const RowLanes &lanes)
      : lanes(lanes), kernel(kernel), e(kernel.emitter()), b(e.b) {}

  const RowLanes &lanes;
  CudaKernel &kernel;
  CudaEmitter &e;
  mlir::ImplicitLocOpBuilder &b;
  /// Of the kernel's values that all lanes share.
  mlir::IRMapping mapping;
  /// V times the lane: an index. The lane itself: i32.
  Value laneColumn, lane;
  /// Sums of columns that are in registers instead of a buffer: V for each step.
  llvm::DenseMap<Value, Values> sums;

  /// Loads of sweeps that have been emitted already: V elements for each step.
  llvm::DenseMap<mlir::Operation *, Values> early;

  /// Sets the lane of a thread of the block.
  void setLane(Value thread);
  /// Clones an op on scalars. Products may be rounded together with the sums that they are part of.
  mlir::Operation *clone(mlir::Operation &op, mlir::IRMapping &operands);
  Value index(int64_t value) { return mlir::arith::ConstantIndexOp::create(b, value); }
  /// The columns of a step, where not all of them may exist if `isGuarded`.
  LaneColumns columnsOf(tile::SweepOp sweep, Value first, int64_t step, bool isGuarded);
  /// Loads or stores the V elements at an access's indices, with the column as the last one.
  Values load(mlir::memref::LoadOp load, tile::SweepOp sweep, const LaneColumns &columns);
  void store(mlir::ValueRange values, Value memory, mlir::ValueRange indices, tile::SweepOp sweep,
             const LaneColumns &columns);

  /// The address of an element of a row-major buffer.
  Value address(Value memory, mlir::ValueRange indices);

private:
  Values indicesAt(mlir::ValueRange indices, tile::SweepOp sweep, Value column);
  /// Elements of one access.
  int64_t together(mlir::Type element) const;
};

/// Does the work of the ops of a block, but for its terminator. What is outside of sweeps is the
/// same in all lanes. An error at an op that does not run there.
mlir::LogicalResult emitRows(RowEmitter &rows, mlir::Block &block);

/// Loads what the sweeps of a block read at indices that are known before, where each does all of
/// its columns in one go: `rows.early`.
void emitEarlyLoads(RowEmitter &rows, mlir::Block &block);

/// Does the work of a sweep in the lanes of a warp; its results are mapped.
void emitSweep(RowEmitter &rows, tile::SweepOp sweep);

} // namespace stc

//===- RowLanes.h - how the columns of rows stand in lanes ------*- C++ -*-===//
//
// An item of a kernel of rows or tables is a warp's. In a sweep, lane l has columns (32 k + l) V to
// (32 k + l) V + V - 1 behind the first one in each step k: V neighbours are one access of up to 16
// bytes. V is the same in all sweeps of a kernel, so that a lane reads what it wrote itself.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Tile/Tile.h"

#include <llvm/ADT/MapVector.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

#include <optional>

namespace stc {

/// Threads of a block, and lanes of each of its warps.
inline constexpr int64_t kRowThreads = 128, kWarpLanes = 32;

/// The columns of a sweep, as far as they are known.
struct SweepColumns {
  explicit SweepColumns(tile::SweepOp op);

  /// How many, and what they are at most (or the largest number).
  std::optional<int64_t> length;
  int64_t most;
};

struct RowLanes {
  /// V, a power of two.
  int64_t vector = 1;
  /// Whether steps over all columns are unrolled, where these are known to be few. What several
  /// sweeps read is read once then, as it stays in registers.
  bool unrolls = false;
  /// Registers of a lane that this takes, about.
  int64_t registers = 0;

  /// Blocks of a multiprocessor that the registers are to be enough for.
  int64_t blocks() const { return registers > 128 ? 2 : registers > 64 ? 3 : 4; }
  /// Columns of all lanes in one step.
  int64_t stepColumns() const { return kWarpLanes * vector; }
  /// The steps of a sweep that are unrolled: all of them, or some, whose loads are under way at
  /// once.
  int64_t stepsAtOnce(tile::SweepOp op) const;
};

/// An error for a kernel whose lanes would have to exchange what they wrote.
mlir::FailureOr<RowLanes> chooseLanes(tile::KernelOp kernel);

/// Buffers that a loop over rows adds to at the same columns in each row: a lane has its columns'
/// sums in registers meanwhile. With each, one of the accesses.
llvm::MapVector<mlir::Value, mlir::memref::LoadOp> findRowSums(mlir::scf::ForOp loop);

} // namespace stc

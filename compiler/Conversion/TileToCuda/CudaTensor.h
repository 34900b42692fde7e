//===- CudaTensor.h - tensors in the buffers of a kernel, seen through views -*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaEmitter.h"

namespace stc {

/// A buffer [batch, positions, heads, size] of a kernel, which is a part of one of its arguments.
struct CudaTensor {
  explicit CudaTensor(mlir::Value operand);

  mlir::MemRefType type;
  unsigned argument;
  int64_t offset; // elements
  llvm::SmallVector<int64_t> strides;

  int64_t positions() const { return type.getDimSize(1); }
  int64_t heads() const { return type.getDimSize(2); }
  int64_t size() const { return type.getDimSize(3); }
  int64_t elementBytes() const { return type.getElementTypeBitWidth() / 8; }
  /// The most bytes, up to 16, that all rows [size] are multiples of, by place and by length.
  int64_t alignment() const;
};

/// Whether several residues stand side by side, and how many rows they have together.
inline bool isPacked(tile::ViewAttr view) { return view.getTogether() > 1; }
inline int64_t packedRows(tile::ViewAttr view) { return view.getTogether() * view.getRowsEach(); }
/// Whether so many positions are whole periods of the view, and how many rows of each residue are
/// in those that are.
inline bool endsWithPeriod(int64_t positions, tile::ViewAttr view) {
  return positions % view.getPeriod() == 0;
}
inline int64_t rowsOfWholePeriods(int64_t positions, tile::ViewAttr view) {
  int64_t rows = isPacked(view) ? view.getTogether() : view.getWidth();
  return positions / view.getPeriod() * rows;
}

/// The residue of a walk's view that an item's residue meets.
mlir::Value walkResidue(CudaEmitter &e, tile::WalkOp walk, mlir::Value residue);
/// The position of a row.
mlir::Value rowPosition(CudaEmitter &e, tile::ViewAttr view, mlir::Value residue, mlir::Value row);
/// How many rows a residue of the view has.
mlir::Value rowCount(CudaEmitter &e, tile::ViewAttr view, mlir::Value residue, int64_t positions);

} // namespace stc

//===- CudaTensor.h - tensors in the buffers of a kernel, seen through views -*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaEmitter.h"

namespace stc {

/// A number of a tensor's shape or strides: a constant, or one with sizes of the kernel in it.
class Extent {
public:
  explicit Extent(mlir::AffineExpr expr) : number(expr) {}
  static Extent of(int64_t value, mlir::MLIRContext *context) {
    return Extent(mlir::getAffineConstantExpr(value, context));
  }

  mlir::AffineExpr expr() const { return number; }
  /// Nothing if it is dynamic.
  std::optional<int64_t> constant() const;
  bool isDynamic() const { return !constant(); }
  /// As an i32, and so many times as much as an i64.
  mlir::Value narrow(CudaEmitter &e) const;
  mlir::Value wide(CudaEmitter &e, int64_t factor) const;

private:
  mlir::AffineExpr number;
};

/// A buffer [batch, positions, heads, size] of a kernel, which is a part of one of its arguments.
/// Dynamic positions are whole periods of all views, of a causal pattern; dynamic strides leave
/// rows at multiples of the bytes, up to 16, that their length is one of.
struct CudaTensor {
  explicit CudaTensor(mlir::Value operand);
  /// Whether its dynamic numbers are products of the kernel's sizes, and its offset is static.
  static bool isReadable(mlir::Value operand);

  mlir::MemRefType type;
  unsigned argument;
  int64_t offset; // elements
  llvm::SmallVector<Extent> shape, strides;

  const Extent &batch() const { return shape[0]; }
  const Extent &positions() const { return shape[1]; }
  const Extent &heads() const { return shape[2]; }
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
inline bool endsWithPeriod(const Extent &positions, tile::ViewAttr view) {
  return positions.isDynamic() || *positions.constant() % view.getPeriod() == 0;
}
inline Extent rowsOfWholePeriods(const Extent &positions, tile::ViewAttr view) {
  const int64_t rows = isPacked(view) ? view.getTogether() : view.getWidth();
  return Extent(positions.expr().floorDiv(view.getPeriod()) * rows);
}

/// The residue of a walk's view that an item's residue meets.
mlir::Value walkResidue(CudaEmitter &e, tile::WalkOp walk, mlir::Value residue);
/// The position of a row.
mlir::Value rowPosition(CudaEmitter &e, tile::ViewAttr view, mlir::Value residue, mlir::Value row);
/// How many rows a residue of the view has.
mlir::Value rowCount(CudaEmitter &e, tile::ViewAttr view, mlir::Value residue,
                     const Extent &positions);

} // namespace stc

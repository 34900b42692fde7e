//===- ColumnMask.h - the mask of one of a lane's columns -------*- C++ -*-===//
//
// A lane holds many scores of one row, whose columns differ in constants. Every number of a mask is
// therefore found as a value, which is the same for all of them, and a constant behind it: a
// comparison is one with a constant, whatever stands before it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaEmitter.h"

namespace stc {

/// The row of the axis that is not cut into tiles: tile + lane + constant.
struct MaskColumn {
  mlir::Value tile;     ///< a multiple of the tile's rows
  mlir::Value lane;     ///< even, and less than 8
  int64_t constant = 0; ///< not negative
  /// The power of two that the tile's rows are a multiple of.
  int64_t alignment = 1;
};

/// The mask of a walk (residue, row of queries, row of keys), of which one is a column and the
/// other a row; `constants` has other values for some of its constants. Of several ranges the mask
/// is that of pairs of a number.
class ColumnMask {
public:
  ColumnMask(CudaEmitter &e, tile::WalkOp walk, mlir::Value residue, mlir::Value number,
             mlir::Value row, bool isRowOfKeys, const mlir::IRMapping &constants)
      : e(e), mask(walk.getMask().front()), residue(residue), number(number), row(row),
        isRowOfKeys(isRowOfKeys), constants(constants) {}

  /// i1: whether the pair is the pattern's. Columns from `end` on have none. `isWhole`: all columns
  /// of the tile exist.
  mlir::Value at(const MaskColumn &column, mlir::Value end, bool isWhole);

private:
  /// The value, null for zero, and the constant together.
  struct Number {
    mlir::Value value;
    int64_t constant = 0;
    const MaskColumn *column = nullptr; ///< it is this
  };
  /// Numbers that all are at least 0, and whatever else has to hold, null for nothing.
  struct Condition {
    llvm::SmallVector<Number, 4> numbers;
    mlir::Value rest;
  };
  Number numberOf(mlir::Operation &op);
  Condition conditionOf(mlir::Operation &op);
  Number shifted(const MaskColumn &column, int64_t bits);
  Condition both(Condition left, const Condition &right);
  mlir::Value whole(const Condition &condition);
  mlir::Value whole(mlir::Value operand);
  mlir::Value cloned(mlir::Operation &op);

  CudaEmitter &e;
  mlir::Block &mask;
  mlir::Value residue, number, row;
  bool isRowOfKeys;
  const mlir::IRMapping &constants;
  llvm::DenseMap<mlir::Value, Number> numbers;
  llvm::DenseMap<mlir::Value, Condition> conditions;
};

} // namespace stc

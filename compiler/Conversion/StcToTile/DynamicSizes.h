//===- DynamicSizes.h - functions whose sizes each call gives ---*- C++ -*-===//
//
// A function with the attribute `stc.dynamic` holds one op of attention and nothing else. It is
// compiled for any batch, any number of heads and any number of positions up to that of its
// tensors, and for tensors that lie in memory in any way but for their rows [size]. All kernels
// have the same sizes, the parameters of the function: batch, positions, heads of queries, heads of
// keys, and, of each argument and each result with four dimensions, how many elements further on
// the next batch, the next position and the next head are.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Stc/Stc.h"
#include "dialects/Tile/Tile.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>

#include <numeric>
#include <optional>
#include <string>

namespace stc {

/// The parameters of one function.
class DynamicSizes {
public:
  /// Of the function around an op of attention; nothing if its sizes are static. Fails, with an
  /// error, if it holds something else, or if the op's operands and results are not its own.
  template <typename Op> static mlir::FailureOr<std::optional<DynamicSizes>> of(Op op);

  /// Numbers of things, as sizes of the kernels.
  mlir::AffineExpr batch() const { return size(0); }
  mlir::AffineExpr positions() const {
    return arePositionsFixed ? mlir::getAffineConstantExpr(values[1], context) : size(1);
  }
  mlir::AffineExpr heads() const { return size(2); }
  mlir::AffineExpr keyHeads() const { return size(3); }
  /// Of an argument or a result, [batch, positions, heads, size].
  llvm::SmallVector<mlir::AffineExpr, 4> shape(mlir::Value tensor) const;
  llvm::SmallVector<mlir::AffineExpr, 4> strides(mlir::Value tensor) const;

  /// Of a result, or a tensor of a number or a row for each query, of that example.
  mlir::AffineExpr bytes(mlir::RankedTensorType type) const;

  llvm::ArrayRef<int64_t> examples() const { return values; }
  /// The map of a launch (tile.launch), of its items and the bytes of results.
  mlir::AffineMapAttr map(llvm::ArrayRef<mlir::AffineExpr> results) const;

  /// What is a view of the positions is one of whole periods.
  void addPeriod(int64_t period) { multiple = std::lcm(multiple, period); }
  /// Only the positions, or the heads, of the function's tensors will do: before anything is made
  /// of them.
  void fixPositions() { arePositionsFixed = true; }
  void fixHeads() { areHeadsFixed = true; }
  /// Writes the parameters on the function. Fails, with an error, where the positions are not a
  /// multiple of all periods.
  mlir::LogicalResult finish(mlir::func::FuncOp function) const;

private:
  explicit DynamicSizes(mlir::MLIRContext *context) : context(context) {}
  mlir::AffineExpr size(unsigned number) const {
    return mlir::getAffineSymbolExpr(number, context);
  }
  void add(const llvm::Twine &name, int64_t example);
  void addStrides(llvm::StringRef name, mlir::Value tensor, Layout layout);

  mlir::MLIRContext *context;
  llvm::SmallVector<std::string> names;
  llvm::SmallVector<int64_t> values;
  llvm::SmallVector<int64_t> multiples;
  struct Tensor {
    unsigned firstStride;
    bool hasKeyHeads;
  };
  llvm::DenseMap<mlir::Value, Tensor> tensors;
  int64_t multiple = 1;
  bool arePositionsFixed = false, areHeadsFixed = false;
};

} // namespace stc

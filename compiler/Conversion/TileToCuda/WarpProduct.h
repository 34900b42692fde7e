//===- WarpProduct.h - how a warp multiplies tiles by mma.sync --*- C++ -*-===//
//
// A product is made of steps of 16 along its sum. A kind of products says what 16 x 16 elements are
// in registers; the kernels do not know.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaEmitter.h"
#include "compiler/Schedule/MmaSyncSchedule.h"

namespace stc {

/// A tile of rows in shared memory.
struct PaddedTile {
  int64_t rows, columns; // a multiple of 16
  int64_t elementBytes;

  int64_t rowBytes() const { return mmaSyncRowBytes(columns, elementBytes); }
  int64_t bytes() const { return rows * rowBytes(); }
};

class WarpProduct {
public:
  using Value = mlir::Value;
  using Values = CudaEmitter::Values;
  enum Side { Left, Right };
  /// A product's operands both have their sum along columns, or the right one along rows and the
  /// left one along rows or made of results.
  enum Sum { AlongColumns, AlongRows };

  virtual ~WarpProduct() = default;
  /// The kind for the emitter's elements: 16 bits as they are, f32 each as two parts in TF32.
  static std::unique_ptr<WarpProduct> create(CudaEmitter &e);

  /// Where a lane loads from an operand that begins at an address.
  virtual Value pointer(Value address, int64_t rowBytes, Value lane, Side side, Sum sum) const = 0;
  /// 16 x 16 elements `offset` bytes behind the lanes' pointers: a left operand, or two right
  /// operands side by side.
  virtual Values load(Value pointer, int64_t offset, int64_t rowBytes, Side side,
                      Sum sum) const = 0;
  /// Eight results, of 16 x 16, as a left operand.
  virtual Values left(llvm::ArrayRef<Value> results) const = 0;
  /// Eight sums, of 16 x 16, += left x right. Of 16 x 8 results lane l has the pairs from column 2
  /// (l mod 4) on of the rows l / 4 and l / 4 + 8.
  virtual void multiply(llvm::ArrayRef<Value> left, llvm::ArrayRef<Value> right,
                        llvm::MutableArrayRef<Value> sums) const = 0;
};

/// A tile, from an address on, as an operand of a warp's products.
class WarpOperand {
public:
  WarpOperand(const WarpProduct &kind, const PaddedTile &tile, mlir::Value address,
              mlir::Value lane, WarpProduct::Side side, WarpProduct::Sum sum)
      : kind(kind), tile(tile), side(side), sum(sum),
        pointer(kind.pointer(address, tile.rowBytes(), lane, side, sum)) {}

  /// 16 x 16 elements, from `k` along the sum and from `at` in the other dimension on.
  CudaEmitter::Values load(int64_t k, int64_t at) const {
    const int64_t row = sum == WarpProduct::AlongRows ? k : at,
                  column = sum == WarpProduct::AlongRows ? at : k;
    const int64_t offset = row * tile.rowBytes() + column * tile.elementBytes;
    return kind.load(pointer, offset, tile.rowBytes(), side, sum);
  }

private:
  const WarpProduct &kind;
  PaddedTile tile;
  WarpProduct::Side side;
  WarpProduct::Sum sum;
  mlir::Value pointer;
};

/// Results of products, 16 rows each.
using Parts = llvm::SmallVector<CudaEmitter::Values>;

/// Sums += A B for parts of A of 16 rows, over `steps` of 16: `left` gives the operand of a part at
/// a step; B begins at `at` and, along the sum, at `first`, and is loaded once for all parts.
void product(const WarpProduct &kind, int64_t steps,
             llvm::function_ref<CudaEmitter::Values(int64_t part, int64_t step)> left,
             const WarpOperand &right, Parts &sums, int64_t at = 0, int64_t first = 0);
/// Parts one after the other, as a loop carries them, and back.
CudaEmitter::Values flat(const Parts &parts);
Parts inParts(mlir::ValueRange values, int64_t parts);

} // namespace stc

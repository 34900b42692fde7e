//===- Emitter.h - what all attention kernels of the host emit --*- C++ -*-===//
//
// Short spellings for loops, addresses and vectors, and the four building blocks of the attention
// kernels: packing rows through a view, transposing, the register tile, and masks.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Schedule/HostSchedule.h"
#include "dialects/Tile/Tile.h"

#include <mlir/Dialect/Vector/IR/VectorOps.h>

#include <functional>
#include <limits>

namespace stc {

/// Scores of pairs that are not in the pattern: their weights are zero, whatever the maximum.
inline constexpr float kMaskedScore = -std::numeric_limits<float>::infinity();
/// The running maximum before the first score. Finite, so that no difference of infinities arises.
inline constexpr float kNoMaximum = std::numeric_limits<float>::lowest();
/// The log-sum-exp of a row without a key. That of no other row is just this number.
inline constexpr float kNoKey = -1e30f;
/// The keys of which attention has rows, scores or weights in its scratch at a time.
inline constexpr int64_t kChunk = 128;

/// One of the ranges of a walk, or the only one, that items of a residue meet.
struct HostRange {
  tile::WalkOp walk;
  mlir::Value residue, number; ///< null where there is only one

  mlir::SmallVector<mlir::Value> with(std::initializer_list<mlir::Value> arguments) const {
    mlir::SmallVector<mlir::Value> all(arguments);
    if (number)
      all.push_back(number);
    return all;
  }
};

class Emitter {
public:
  using Indices = llvm::ArrayRef<mlir::Value>;
  using Values = llvm::SmallVector<mlir::Value>;

  Emitter(mlir::Operation *at, RegisterTile tile);

  mlir::ImplicitLocOpBuilder b;
  RegisterTile tile;
  mlir::VectorType vectorType, intVectorType;
  mlir::Value zeroVector;

  //===--- scalars ---===//
  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value l, mlir::Value r);
  mlir::Value add(mlir::Value l, int64_t r);
  mlir::Value sub(mlir::Value l, mlir::Value r);
  mlir::Value mul(mlir::Value l, int64_t r);
  mlir::Value min(mlir::Value l, mlir::Value r);
  mlir::Value max(mlir::Value l, mlir::Value r);
  mlir::Value floorDiv(mlir::Value l, int64_t r);  // l >= 0
  mlir::Value remainder(mlir::Value l, int64_t r); // l >= 0
  mlir::Value roundDown(mlir::Value l, int64_t r) { return mul(floorDiv(l, r), r); }
  mlir::Value roundUp(mlir::Value l, int64_t r) { return roundDown(add(l, r - 1), r); }
  mlir::Value less(mlir::Value l, mlir::Value r);
  mlir::Value lessEqual(mlir::Value l, mlir::Value r);

  //===--- control ---===//
  /// for (iv = lo; iv < hi; iv += step) with values carried from one iteration to the next.
  Values loop(mlir::Value lo, mlir::Value hi, int64_t step, mlir::ValueRange carried,
              llvm::function_ref<Values(mlir::Value iv, mlir::ValueRange carried)> body);
  void loop(mlir::Value lo, mlir::Value hi, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  /// Whether rows of so many elements are walked by loops, and stand in memory and not in
  /// registers: code does not grow with them.
  bool isLong(int64_t size) const { return size > kMostUnrolled * tile.lanes; }
  /// The elements of a row, `step` at a time: body(first column, columns from there on, carried).
  Values eachStep(
      int64_t size, int64_t step, mlir::ValueRange carried,
      llvm::function_ref<Values(mlir::Value column, int64_t left, mlir::ValueRange carried)> body);
  /// A vector at a time, with nothing carried.
  void eachVector(int64_t size, llvm::function_ref<void(mlir::Value column, int64_t left)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);
  void ifElse(mlir::Value condition, llvm::function_ref<void()> yes, llvm::function_ref<void()> no);

  //===--- memory ---===//
  mlir::Value scratch(llvm::ArrayRef<int64_t> shape, mlir::Type element);
  mlir::Value scratch(llvm::ArrayRef<int64_t> shape) {
    return scratch(shape, vectorType.getElementType());
  }
  mlir::Value load(mlir::Value memory, Indices at);
  mlir::Value loadVector(mlir::Value memory, Indices at);
  /// The first `count` lanes, the rest zero.
  mlir::Value loadVector(mlir::Value memory, Indices at, int64_t count);
  void store(mlir::Value value, mlir::Value memory, Indices at);
  void storeVector(mlir::Value vector, mlir::Value memory, Indices at, int64_t count);
  mlir::Value loadSplat(mlir::Value memory, Indices at);

  //===--- vectors ---===//
  mlir::Value splat(float value);
  mlir::Value splat(mlir::Value scalar);
  mlir::Value addf(mlir::Value l, mlir::Value r);
  mlir::Value subf(mlir::Value l, mlir::Value r);
  mlir::Value mulf(mlir::Value l, mlir::Value r);
  mlir::Value fma(mlir::Value l, mlir::Value r, mlir::Value accumulator);
  /// The greater one; r where l is not a number.
  mlir::Value maxf(mlir::Value l, mlir::Value r);
  /// Of floats, a vector or a scalar with a number.
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value value, float number);
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no);
  mlir::Value conjunction(mlir::Value l, mlir::Value r);
  /// Whether a lane of a vector of conditions holds.
  mlir::Value anyLane(mlir::Value condition);
  /// A sum that stays zero as long as all that is added to it is finite, and whether it did.
  mlir::Value watch(mlir::Value vector, mlir::Value watched);
  mlir::Value allFinite(Indices watched);

  //===--- building blocks ---===//
  /// The residue of a walk's view that an item's residue meets.
  mlir::Value walkResidue(tile::WalkOp walk, mlir::Value residue);
  /// The position of a row of a residue, and how many rows the residue has below n.
  mlir::Value position(tile::ViewAttr view, mlir::Value residue, mlir::Value row);
  mlir::Value rowCount(tile::ViewAttr view, mlir::Value residue, int64_t n);
  /// How many of its rows are positions before `end`.
  mlir::Value rowsBelow(tile::ViewAttr view, mlir::Value residue, mlir::Value end);

  /// Rows [row, row + count) of a view of source[batch, position, head, :] to target[0 .. count),
  /// and zeros to target[count .. total). The target's rows are padded with zeros to a multiple of
  /// lanes. Gives whether all of it is finite.
  mlir::Value packRows(mlir::Value source, mlir::Value batch, mlir::Value head, tile::ViewAttr view,
                       mlir::Value residue, mlir::Value row, mlir::Value count, mlir::Value total,
                       mlir::Value target);
  /// Asks for a row to be brought into the cache; one past the last position is the last.
  void prefetchRow(mlir::Value memory, mlir::Value batch, mlir::Value head, tile::ViewAttr view,
                   mlir::Value residue, mlir::Value row, bool toWrite);
  /// The way back: target[batch, position, head, :] = (or += with `accumulate`) scale * source[i].
  void unpackRows(mlir::Value source, mlir::Value target, mlir::Value batch, mlir::Value head,
                  tile::ViewAttr view, mlir::Value residue, mlir::Value row, mlir::Value count,
                  float scale, bool accumulate);
  /// target[..., c, r] = scale * source[row + r, c] for a strip of rows, all columns; and back.
  void transposeStrip(mlir::Value source, mlir::Value row, mlir::Value target, mlir::Value strip,
                      float scale);
  void transposeBack(mlir::Value source, mlir::Value strip, mlir::Value target, mlir::Value row);

  /// The left operand of a register tile, in contiguous memory: element (r, k) is memory[first + r,
  /// k], or, with `inColumns`, memory[k, first + r].
  struct Left {
    mlir::Value memory, first;
    bool inColumns = false;
  };
  /// A register tile: sums over k in [lo, hi) of left(row, k) * right(k, vector), on top of `init`.
  /// Entry row * vectors + vector of `init` and of the result.
  Values registerTile(int64_t rows, int64_t vectors, mlir::Value lo, mlir::Value hi,
                      const Left &left,
                      llvm::function_ref<mlir::Value(mlir::Value k, int64_t vector)> right,
                      Values init);

  /// Runs the body for each range of a walk that one of the strips [strip, end) meets, with values
  /// carried from one to the next.
  Values eachRange(tile::WalkOp walk, mlir::Value residue, mlir::Value strip, mlir::Value end,
                   mlir::ValueRange carried,
                   llvm::function_ref<Values(const HostRange &, mlir::ValueRange carried)> body);
  /// The bounds of a range for a strip: lo, fullLo, fullHi, hi. Those of a range that the strip
  /// does not meet are empty.
  Values bounds(const HostRange &range, mlir::Value strip);
  /// Whether one pair exists.
  mlir::Value inMask(const HostRange &range, mlir::Value queryRow, mlir::Value keyRow);
  /// Of each vector of queries of a strip and one key, which pairs exist; none if the key row is
  /// not below `keyEnd`.
  Values pairsOf(const HostRange &range, mlir::Value queryRow, mlir::Value keyRow,
                 mlir::Value keyEnd);
  /// Where the range's pairs do not exist, or the key row is not below `keyEnd`: the masked score.
  /// Scores are keys (rows) x queries (lanes); only for tiles outside [fullLo, fullHi).
  Values maskScores(const HostRange &range, Values scores, mlir::Value queryRow, mlir::Value keyRow,
                    mlir::Value keyEnd, mlir::Value fullLo, mlir::Value fullHi);

private:
  /// Vectors of a row.
  static constexpr int64_t kMostUnrolled = 32;

  mlir::Value laneMask(int64_t count);
  /// The pointer to an element of contiguous memory.
  mlir::Value address(mlir::Value memory, Indices at);
  /// The same pointer, of which LLVM does not know where it comes from.
  mlir::Value pinned(mlir::Value pointer);
};

/// Clones an op without regions for all lanes at once where an operand is a vector, else as it is.
/// `operands` stand for its operands; other operands that are not vectors are repeated in all
/// lanes. Element types of the results are changed by `convert`. Attributes stay.
mlir::Operation *cloneInLanes(mlir::ImplicitLocOpBuilder &b, mlir::Operation &op,
                              mlir::ValueRange operands, int64_t lanes,
                              llvm::function_ref<mlir::Type(mlir::Type)> convert);
/// A scalar in all lanes; a vector as it is.
mlir::Value repeated(mlir::ImplicitLocOpBuilder &b, mlir::Value value, int64_t lanes);

/// Rounds up to a whole number of vectors.
inline int64_t padded(int64_t size, int64_t lanes) { return (size + lanes - 1) / lanes * lanes; }

/// Replace a tile op by vector code.
mlir::LogicalResult lowerSweep(tile::SweepOp op, const HostVectors &options);
mlir::LogicalResult lowerAttention(tile::AttentionOp op, const HostVectors &options);
mlir::LogicalResult lowerAttentionGrad(tile::AttentionGradOp op, const HostVectors &options);
mlir::LogicalResult lowerAttentionRow(tile::AttentionRowOp op, const HostVectors &options);

} // namespace stc

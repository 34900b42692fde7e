//===- AttentionKernel.h - one attention kernel of a pattern ----*- C++ -*-===//
//
// Fills kernels for attention from what the pattern library says of one walk: its query view and,
// for each segment, the key view, the ranges of key rows and the predicate.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/StcToTile/DynamicSizes.h"
#include "compiler/Conversion/StcToTile/KernelOutliner.h"
#include "compiler/Schedule/AttentionSchedule.h"

#include <array>

namespace stc {

/// Where a tensor [batch, positions, heads, size] lies in one of the kernel's buffers: it may be a
/// range of columns of a wider one (queries in a common projection), and its heads may stand before
/// its positions.
/// Numbers are constants, or expressions over the sizes of a kernel of dynamic sizes.
struct BufferView {
  unsigned buffer = 0;
  int64_t offset = 0;
  llvm::SmallVector<mlir::AffineExpr, 4> shape, strides;
};

/// One segment of a walk: the view of the other axis, and its ranges for strips of the schedule;
/// all by the residue of the walk's own axis, from which the map leads to the other's. With several
/// ranges the predicate is that of pairs of a number, variable 3.
struct SegmentForm {
  pattern::View view;
  pattern::ResidueMap residues;
  pattern::Range range;
  pattern::Expr predicate;

  bool operator==(const SegmentForm &) const = default;
};

/// One kernel's work: the view of the axis that is cut into tiles, queries or keys, and its
/// segments.
struct WalkForm {
  pattern::View view;
  AttentionSchedule schedule;
  std::vector<SegmentForm> segments;
  /// Pairs of the pattern, where they could be counted; positions of the walk's own axis, and of
  /// the other one.
  std::optional<int64_t> pairs = 0;
  int64_t own = 0, others = 0;
  /// Of tiles of keys: each query is met by one of them.
  bool meetsAllOnce = false;
  /// Of tiles of queries on a GPU: these meet few keys.
  bool isKvShort = false;
  /// There are several tiles, no two of which have a row of the other axis in common.
  bool isApart = false;
  /// Heads take that many patterns in turn, of which this walk is one of each: the map takes a
  /// head's number among them to its residue. An item of one head is of that residue; an item of a
  /// head of keys is of a residue, and does the heads that are taken to it.
  int64_t classes = 1;
  pattern::ResidueMap ofHead = {};
  /// Its queries are those of one of so many chunks of a sequence: residues are the chunk's number.
  int64_t chunks = 1;

  bool operator==(const WalkForm &) const = default;
};

/// Of a tile of each axis; 0 where there is no limit.
struct MostRows {
  int64_t queries = 0, keys = 0;
};

/// The queries are those of one of `count` chunks of the sequence, of which a chunk has every
/// count-th block of so many positions; keys are at positions that a view of one residue has of all
/// chunks.
struct AttentionChunk {
  int64_t count = 1, block = 1;
  pattern::View keys;
  /// The buffer with the number of the chunk.
  unsigned number = 0;

  bool isWhole() const { return count == 1 && keys.isIdentity(); }
};

struct AttentionProblem {
  /// Positions of the sequence.
  int64_t batch = 1, positions = 1, heads = 1, keyHeads = 1;
  /// Those of the tensors of queries and of keys, and of the one that is cut into tiles.
  int64_t queries = 1, keys = 1, tiled = 1;
  /// Where sizes are dynamic these numbers are an example, and kernels have those of the sizes.
  const DynamicSizes *dynamic = nullptr;
  AttentionChunk chunk;
  MostRows mostRows;
  /// The heads of queries of this kernel: first, first + step, ...
  int64_t firstHead = 0, headStep = 1, headCount = 1;
  /// Items are of a head of keys, and do those of the kernel's heads that read it; else of one of
  /// the kernel's heads.
  bool byKeyHeads = false;
  float scale = 1;
  /// Parts of the pattern in other kernels ran before: go on from their results. `resumeKeys`:
  /// other heads of queries ran before, go on from their gradients of keys and values.
  bool resume = false, resumeKeys = false;
  /// Each query has a pair, in this kernel or in those before it.
  bool isNonempty = false;
  /// Of one query: nothing ahead in the entry writes other rows of keys and values than its own.
  bool isInvariant = false;
  /// Whether the tiles of a residue are neighbours among the items.
  bool residueByResidue = false;
  AttentionSchedule schedule;

  /// How many heads of queries share a head of keys.
  int64_t group() const { return heads / keyHeads; }
  /// The same where types do not say it.
  mlir::IntegerAttr groupAttr(mlir::Builder &b) const {
    return dynamic ? b.getI64IntegerAttr(group()) : mlir::IntegerAttr();
  }
  /// From a head of an item to its next.
  int64_t stepOf(const WalkForm &walk) const {
    return byKeyHeads && walk.classes > 1 ? walk.classes : headStep;
  }
};

/// How many items the kernels have: tiles of a view, residues of one, heads.
mlir::AffineExpr attentionItems(mlir::MLIRContext *context, const AttentionProblem &problem,
                                const WalkForm &walk);
mlir::AffineExpr attentionGradItems(mlir::MLIRContext *context, const AttentionProblem &problem,
                                    const WalkForm &walk);
mlir::AffineExpr attentionRowItems(mlir::MLIRContext *context, const AttentionProblem &problem);

/// The kernels' bodies. Views are in this order: forward query, key, value, output; gradient query,
/// key, value, output, output gradient, query gradient, key gradient, value gradient; `logsumexp`
/// is the number of its buffer.
void fillAttention(KernelBuilder &b, const AttentionProblem &problem, const WalkForm &walk,
                   llvm::ArrayRef<BufferView> views, unsigned logsumexp);
void fillAttentionGrad(KernelBuilder &b, const AttentionProblem &problem, const WalkForm &walk,
                       llvm::ArrayRef<BufferView> views, unsigned logsumexp);

/// What the gradients by tiles need first, over `rows` queries an item: views are output, output
/// gradient and, where they start from zero, the sums of queries.
void fillAttentionDelta(KernelBuilder &b, const AttentionProblem &problem, int64_t rows,
                        llvm::ArrayRef<BufferView> views, unsigned delta);
/// The gradient by tiles of keys: views are query, key, value, output gradient, key gradient, value
/// gradient and, where queries are summed here too, their sums.
void fillAttentionKeyGrad(KernelBuilder &b, const AttentionProblem &problem, const WalkForm &walk,
                          llvm::ArrayRef<BufferView> views, unsigned logsumexp, unsigned delta);
/// And by tiles of queries: views are query, key, value, output gradient and query gradient.
void fillAttentionQueryGrad(KernelBuilder &b, const AttentionProblem &problem, const WalkForm &walk,
                            llvm::ArrayRef<BufferView> views, unsigned logsumexp, unsigned delta);
/// Or from the sums: views are these and the query gradient.
void fillAttentionQuerySum(KernelBuilder &b, const AttentionProblem &problem, int64_t rows,
                           llvm::ArrayRef<BufferView> views);
/// Elements of a query's sum.
inline int64_t sumSize(int64_t querySize) { return llvm::alignTo(querySize, 32); }

/// For sampling: views are query, key, value, output and, where they are inserted at the query's
/// position first, the rows of key and value; `position` is the number of the buffer with it. All
/// walks are in one kernel.
void fillAttentionRow(KernelBuilder &b, const AttentionProblem &problem,
                      llvm::ArrayRef<WalkForm> walks, llvm::ArrayRef<BufferView> views,
                      unsigned position);

} // namespace stc

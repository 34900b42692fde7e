//===- RowFusion.h - which values become which row kernels ------*- C++ -*-===//
//
// The analysis behind stc-fuse-rows, in three steps. RowRoots decides which values of a block stand
// in memory (the roots), RowSlices finds what computes a root from others, RowGroups which roots
// one kernel computes together. All three are near linear in the number of ops.
//
// Ops are numbered by their position in the block; a fusible op has one result, so that its
// position also names its value.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Stc/Stc.h"

#include <set>
#include <vector>

namespace stc::rows {

/// Whether a row kernel can compute the op: elementwise on tensors, a constant with one value,
/// broadcast, reduce, iota or random.
bool isFusible(mlir::Operation *op);

int64_t elementsOf(mlir::Value value);

/// How expensive an op is for an element, in additions.
int costOf(mlir::Operation *op);

/// Why a value stands in memory.
enum class Keep : char {
  No,
  Cheaper, // it is shared, and loading it is cheaper than computing it again
  Needed,  // something other than a row kernel needs it, or a kernel cannot compute it in place
};

class Block {
public:
  explicit Block(mlir::Block &block);

  int size() const { return ops.size(); }
  mlir::Operation *op(int position) const { return ops[position]; }
  bool contains(mlir::Operation *op) const { return positions.contains(op); }
  /// Of an op in a region, the position of the op that has the region; of an op in another block,
  /// the end.
  int positionOf(mlir::Operation *op) const;
  bool fusible(int position) const { return fusibles[position]; }

  /// The position of the fusible op that computes the value inside kernels, or -1 if the value
  /// stands in memory.
  int inlined(mlir::Value value) const;
  /// The position of the fusible op that computes the value, root or not, or -1.
  int computed(mlir::Value value) const;

  std::vector<Keep> keep;

private:
  std::vector<mlir::Operation *> ops;
  std::vector<char> fusibles;
  llvm::DenseMap<mlir::Operation *, int> positions;
};

/// The most work of a kernel. Code is in proportion to work, but a backend takes more than twice
/// the time for twice the code of one loop. Seconds of stc-compile for a chain of tanh and sin (by
/// MLIR's polynomials) in one kernel, on two cores of a Xeon:
///
///     work      256    512   1,024   2,048   4,096   8,192
///     host      0.2    0.4     1.1     1.5     5.9    14.2
///     sm_90a    2.1    4.9    15.2    65.5
///
/// The kernels of models/ have at most 210, so that none of them is cut.
inline constexpr int64_t kMostWork = 512;

/// The additions that a kernel of some ops of the block does for an element, positions increasing.
/// What a row reduction needs is computed again after it, up to the end.
int64_t workOf(const Block &block, llvm::ArrayRef<int> ops);

/// Decides for each fusible op whether its value stands in memory.
void chooseRoots(Block &block);

/// What a slice reads from memory, and which dimensions of the space the value's dimensions are.
struct Access {
  mlir::Value value;
  llvm::SmallVector<int> dims;
};

/// The ops that compute a root from values in memory.
struct Slice {
  int root;
  std::vector<int> ops; // increasing
  llvm::SmallVector<Access> accesses;
  /// The shape that contains all others of the slice; the last dimension is the columns.
  llvm::SmallVector<int64_t> space;
  /// The dimensions of the space that the root reduces; empty for an elementwise root.
  llvm::SmallVector<int> reduced;
};

/// The slice of a root. A reduction that does not fit the space of the root is made a root itself
/// (`keep`) and appended to `roots`.
Slice sliceOf(Block &block, int root, llvm::SmallVectorImpl<int> &roots);

/// Roots that one kernel computes. It stands where the op at `position` is.
struct Group {
  int position;
  llvm::SmallVector<int> slices;
  std::vector<int> ops; // of all slices, increasing
};

/// Groups slices, which are in the order of their roots.
std::vector<Group> groupSlices(const Block &block, llvm::ArrayRef<Slice> slices);

/// A stc.fused of the ops at some positions, which give the outputs; an output may be an input,
/// too. What it reads is asked for by the value in the block.
FusedOp fuseOps(mlir::OpBuilder &builder, const Block &block, const std::set<int> &ops,
                llvm::ArrayRef<mlir::Value> outputs, llvm::ArrayRef<int64_t> space,
                llvm::function_ref<mlir::Value(mlir::Value)> operandOf);

} // namespace stc::rows

//===- RowProgram.h - a fused region as scalar steps ------------*- C++ -*-===//
//
// A stc.fused seen element by element: its ops become steps on scalars, in an order in which they
// can be done, over a space whose last dimension is the columns. Shapes are gone: dimensions of
// size 1 are dropped and neighbours that are always used together are merged, so that tensors of
// any rank become rows and columns, and purely elementwise work becomes one dimension ("flat").
//
// Sets of dimensions are masks: bit d is dimension d of the space.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/StcToTile/KernelOutliner.h"
#include "dialects/Stc/Stc.h"

namespace stc {

using Mask = uint32_t;

struct RowStep {
  enum Kind { Load, Compute, Reduce, Iota, Random } kind;
  /// The op, null for a load.
  mlir::Operation *op = nullptr;
  /// Of a load: the number of its input. Of an iota: the dimension. Of a random: its stream's
  /// number.
  unsigned number = 0;
  llvm::SmallVector<unsigned, 3> operands = {};
  /// The dimensions that the value depends on.
  Mask mask = 0;
  mlir::Type element = {};
  /// The sweep over the columns of a row in which the value can be computed first. A reduction over
  /// sweep k gives a value for sweep k + 1.
  unsigned sweep = 0;
};

struct RowOutput {
  unsigned step;
  /// The dimensions that the step's value is taken over, and those that the output has. Over the
  /// others it is combined.
  Mask domain, kept;
  Reduction reduction = Reduction::Sum;

  bool accumulates() const { return kept != domain; }
};

struct RowProgram {
  static constexpr unsigned maxRank = 32;

  llvm::SmallVector<int64_t> dims;
  std::vector<RowStep> steps;
  /// The operand of the region that each input is; one that is read in two ways is two inputs.
  llvm::SmallVector<unsigned> inputs;
  llvm::SmallVector<RowOutput> outputs;
  llvm::SmallVector<int64_t> streams;

  Mask all() const { return (Mask(1) << dims.size()) - 1; }
  Mask column() const { return dims.empty() ? 0 : Mask(1) << (dims.size() - 1); }
  Mask rows() const { return all() & ~column(); }
  bool inColumns(unsigned step) const { return steps[step].mask & column(); }
  bool reducesRows() const;
  bool accumulates() const;
  /// Only one dimension, of a length that the kernel is told.
  bool flat() const { return dims.size() == 1 && !reducesRows(); }
  /// The row dimensions that accumulated outputs are combined over.
  Mask reducedRows() const;
  /// The number of elements along the dimensions of a mask.
  int64_t extent(Mask mask) const;
};

/// An error at the op if its values are not all over its space. With `ownColumns` the last
/// dimension of the space is one of its own, though it may be of size 1 or always used with others.
mlir::FailureOr<RowProgram> analyze(FusedOp fused, bool ownColumns = false);

/// Up to three of the ops that tell most, each behind a '_'.
std::string tellingOps(const RowProgram &program);

} // namespace stc

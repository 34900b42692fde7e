//===- RowSchedule.h - what each sweep of a row does ------------*- C++ -*-===//
//
// A row is gone over in sweeps: each reduction of a row needs one of its own before its result can
// be used. Values are computed again in each sweep that needs them, from memory that is in the
// cache or in registers by then, except that values which are results of the kernel are read back,
// and expensive ones are kept in a row of scratch where the target has that.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/StcToTile/RowProgram.h"
#include "compiler/Schedule/RowWork.h"

namespace stc {

struct RowSweep {
  llvm::SmallVector<unsigned> compute;    // steps, in order
  llvm::SmallVector<unsigned> reload;     // steps that an earlier sweep has stored
  llvm::SmallVector<unsigned> reductions; // steps that combine over the columns
  llvm::SmallVector<unsigned> outputs;    // outputs with the columns in their domain

  bool empty() const { return reductions.empty() && outputs.empty(); }
};

struct RowSchedule {
  llvm::SmallVector<RowSweep> sweeps;
  /// Steps that are kept in scratch from the first sweep that computes them.
  llvm::SmallVector<unsigned> scratch;
  /// Whether an item does a block of columns instead of whole rows, and of how many; 0 if the
  /// kernel is told.
  bool blocked = false;
  int64_t blockColumns = 0;
  /// In which the kernel is told the number of columns, if it is.
  int64_t unit = 1;

  /// The output that holds a step's value element for element, or -1.
  static int storedBy(const RowProgram &program, unsigned step);
};

RowSchedule schedule(const RowProgram &program, const RowWork &work);

/// Whether an output may be written into the memory of an input: each element is read only before
/// the same one is written.
bool canOverwrite(const RowProgram &program, const RowSchedule &schedule, unsigned output,
                  unsigned input);

} // namespace stc

//===- RowKernel.h - the body of a row kernel -------------------*- C++ -*-===//
//
// Buffers of a row kernel are its inputs, then its outputs. Its sizes, as far as it has them: the
// number of rows and how many an item does (if there are rows), the number of columns (if flat, in
// the schedule's unit), the columns of an item (if blocked and not fixed), and the streams of its
// random numbers. Where some row
// dimensions are combined and others kept, rows are counted over the kept ones.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/StcToTile/RowSchedule.h"

namespace stc {

/// The type in which elements are combined: f64 for f64, f32 for all others.
mlir::Type accumulatorType(mlir::Type element);

llvm::SmallVector<mlir::Type> rowBuffers(const RowProgram &program);

void buildRowKernel(const RowProgram &program, const RowSchedule &schedule, KernelBuilder &builder);

} // namespace stc

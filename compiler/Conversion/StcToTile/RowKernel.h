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

/// One row of a program with columns of its own and one output; the last of the buffers (inputs,
/// then the output) is that row alone.
void buildOneRow(const RowProgram &program, const RowSchedule &schedule, KernelBuilder &builder,
                 llvm::ArrayRef<mlir::Value> buffers, mlir::Value row);

/// One element of a program with columns of its own that reduces nothing, where an input has a
/// value instead of a buffer, maybe a wider one.
void buildRowElement(const RowProgram &program, KernelBuilder &builder,
                     llvm::ArrayRef<mlir::Value> buffers, mlir::Value row, mlir::Value column,
                     unsigned input, mlir::Value given);

} // namespace stc

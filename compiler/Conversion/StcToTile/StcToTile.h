//===- StcToTile.h - from ops on tensors to launches of kernels -*- C++ -*-===//
//
// One converter for each kind of op: it replaces the op by a launch (or a few) of kernels that it
// asks the outliner for.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/StcToTile/KernelOutliner.h"
#include "compiler/Schedule/RowWork.h"
#include "dialects/Stc/Stc.h"

#include <mlir/Pass/Pass.h>

namespace stc {

/// Bytes of a tensor in memory.
int64_t bytesOf(mlir::Type tensor);

/// A launch none of whose results is tied or in place. Its work is to read all operands once and to
/// write all results once; who launches it says so where it is another.
tile::LaunchOp createLaunch(mlir::OpBuilder &builder, mlir::Location loc, tile::KernelOp kernel,
                            mlir::TypeRange results, mlir::ValueRange operands, int64_t items,
                            llvm::ArrayRef<int64_t> sizes);

mlir::LogicalResult convertFused(FusedOp op, KernelOutliner &outliner, const RowWork &work);
mlir::LogicalResult convertFusedProduct(FusedProductOp op, KernelOutliner &outliner,
                                        const RowWork &work);
mlir::LogicalResult convertGather(GatherOp op, KernelOutliner &outliner, const RowWork &work);
mlir::LogicalResult convertScatterAdd(ScatterAddOp op, KernelOutliner &outliner,
                                      const RowWork &work);
mlir::LogicalResult convertInsertRow(InsertRowOp op, KernelOutliner &outliner, const RowWork &work);
mlir::LogicalResult convertSplit(SplitOp op, KernelOutliner &outliner, const RowWork &work);
mlir::LogicalResult convertConcat(ConcatOp op, KernelOutliner &outliner, const RowWork &work);

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Conversion/StcToTile/Passes.h.inc"

/// The tensor that rows are a range of columns of, and the first of these; the rows themselves if
/// they are no part.
struct Columns {
  mlir::Value whole;
  int64_t first = 0;
};
Columns columnsOfWhole(mlir::Value rows);

} // namespace stc

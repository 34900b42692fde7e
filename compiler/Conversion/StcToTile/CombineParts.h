//===- CombineParts.h - sums of what items have summed ----------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/StcToTile/KernelOutliner.h"
#include "compiler/Schedule/RowWork.h"
#include "dialects/Stc/Stc.h"

namespace stc {

/// Launches kernels that combine `count` parts of an output, always in the same order: all parts at
/// once, or groups of them, then what these came to. `parts` has one dimension: the elements of
/// `type`, in the type that they were combined in, once for each part.
mlir::Value combineParts(mlir::OpBuilder &builder, KernelOutliner &outliner, mlir::Value parts,
                         int64_t count, Reduction reduction, mlir::RankedTensorType type,
                         const RowWork &work);

} // namespace stc

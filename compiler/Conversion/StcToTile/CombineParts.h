//===- CombineParts.h - sums of what items have summed ----------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/StcToTile/KernelOutliner.h"
#include "dialects/Stc/Stc.h"

namespace stc {

/// Launches a kernel that combines `count` parts of an output in their order. `parts` has one
/// dimension: the elements of `type`, in the type that they were combined in, once for each part.
mlir::Value combineParts(mlir::OpBuilder &builder, KernelOutliner &outliner, mlir::Value parts,
                         int64_t count, Reduction reduction, mlir::RankedTensorType type);

} // namespace stc

//===- MemoryEstimate.h - what a function will keep in memory ---*- C++ -*-===//
#pragma once

#include "compiler/Transforms/RowFusion.h"

namespace stc {

/// Bytes that a tensor takes in the arena.
int64_t bytesOf(mlir::Value value);

/// Floating-point operations of an op; an elementwise op counts one an element. Pairs of attention
/// patterns are counted exactly.
double flopsOf(mlir::Operation *op);

/// The most bytes of temporaries that live at once when the block's ops run in order and all
/// elementwise work is fused: what stc-fuse-rows keeps in memory, from its definition to the last
/// kernel that reads it. Variables and arguments are not counted.
int64_t estimatePeak(mlir::Block &block);

} // namespace stc

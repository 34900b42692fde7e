//===- OpCost.h - what an op costs and what its results take ----*- C++ -*-===//
#pragma once

#include "dialects/Stc/Stc.h"

namespace stc {

/// Bytes of a tensor; 0 for other values.
double bytesOf(mlir::Value value);

/// Floating-point operations of an op; an elementwise op counts one an element. Pairs of attention
/// patterns are counted exactly.
double flopsOf(mlir::Operation *op);

} // namespace stc

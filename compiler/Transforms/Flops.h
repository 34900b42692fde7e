//===- Flops.h - floating-point operations of a model -----------*- C++ -*-===//
#pragma once

#include "dialects/Stc/Stc.h"

#include <optional>

namespace stc {

/// Multiply-adds, times two, of a product, of attention or of its gradient, over the pairs that the
/// pattern has; 0 of all other ops. Attention of one query counts at its last position. No value if
/// pairs could not be counted.
std::optional<int64_t> modelFlops(mlir::Operation *op);

} // namespace stc

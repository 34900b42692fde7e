//===- Philox.h - counter-based random numbers in kernels -------*- C++ -*-===//
//
// Philox-4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC'11), as
// integer ops on scalars. What is a counter and what a key says stc.random.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Stc/Stc.h"

#include <array>

namespace stc {

/// The keys of the ten rounds, from a seed of type i64.
std::array<std::array<mlir::Value, 2>, 10> philoxKeys(mlir::ImplicitLocOpBuilder &b,
                                                      mlir::Value seed);

/// A random number of type f32 at a counter: `element` and `step` of type i64, `stream` of type
/// i32.
mlir::Value philoxRandom(mlir::ImplicitLocOpBuilder &b, Distribution distribution,
                         const std::array<std::array<mlir::Value, 2>, 10> &keys,
                         mlir::Value element, mlir::Value step, mlir::Value stream);

} // namespace stc

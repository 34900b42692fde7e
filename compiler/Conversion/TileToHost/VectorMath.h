//===- VectorMath.h - elementary functions in vector code -------*- C++ -*-===//
#pragma once

#include <mlir/IR/ImplicitLocOpBuilder.h>
#include <mlir/IR/Value.h>

namespace stc {

/// 2^x for a vector of f32 with x <= 128, about 3 ulp. Zero below -126, so that no result is
/// denormal; what is not a number stays so.
mlir::Value emitExp2(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

} // namespace stc

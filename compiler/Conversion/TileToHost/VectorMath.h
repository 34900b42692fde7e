//===- VectorMath.h - elementary functions in vector code -------*- C++ -*-===//
#pragma once

#include <mlir/IR/ImplicitLocOpBuilder.h>
#include <mlir/IR/Value.h>

namespace stc {

/// 2^x for a vector of f32 with x <= 127: 2^-126 for all x below -126, about 3 ulp.
mlir::Value emitExp2(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

} // namespace stc

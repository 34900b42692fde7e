//===- EmitExpr.h - pattern expressions as index arithmetic -----*- C++ -*-===//
#pragma once

#include "compiler/Pattern/Expr.h"

#include <mlir/IR/ImplicitLocOpBuilder.h>

namespace stc {

/// The ops of arith that compute `expr` from the given values of type index: a value of type index,
/// or i1 for a condition.
mlir::Value emitExpr(mlir::ImplicitLocOpBuilder &b, const pattern::Expr &expr,
                     mlir::ValueRange variables);

/// A condition as i1; constants and integer expressions too.
mlir::Value emitCondition(mlir::ImplicitLocOpBuilder &b, const pattern::Expr &expr,
                          mlir::ValueRange variables);

} // namespace stc

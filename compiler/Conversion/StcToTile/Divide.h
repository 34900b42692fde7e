//===- Divide.h - integer division that is defined for all operands -*- C++ -*-===//
#pragma once

#include <mlir/IR/Builders.h>

namespace stc {

/// Emits an elementwise op on scalars. Where it divides integers it gets operands that arith
/// defines a result for, and the result is what the stc dialect says of the others: by zero a
/// quotient is all ones and a remainder the dividend, and the least number divided by -1 is itself,
/// without a remainder. So no CPU traps, on lanes behind the last column neither, whose operands
/// are zeros.
mlir::Value emitElementwise(mlir::OpBuilder &b, mlir::OperationState &state);

} // namespace stc

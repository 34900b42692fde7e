//===- Stc.h - the stc dialect ----------------------------------*- C++ -*-===//
//
// What the user means: tensors, attention over a sparsity pattern, the variables of a model. See
// Stc.td for the attributes and StcOps.td for the ops with their constraints.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <mlir/Bytecode/BytecodeOpInterface.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/IR/Builders.h>
#include <mlir/IR/BuiltinOps.h>
#include <mlir/IR/ImplicitLocOpBuilder.h>
#include <mlir/IR/OpImplementation.h>
#include <mlir/IR/SymbolTable.h>
#include <mlir/IR/TensorEncoding.h>
#include <mlir/Interfaces/SideEffectInterfaces.h>

#include "compiler/Pattern/Pattern.h"

#include "dialects/Stc/StcDialect.h.inc"
#include "dialects/Stc/StcEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Stc/Differentiable.h.inc"
#include "dialects/Stc/StcAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/Stc/StcOps.h.inc"

namespace stc {

/// Attaches `Differentiable` to the elementwise ops of arith and math that models use.
void registerArithGradients(mlir::DialectRegistry &registry);

/// The pattern of a tensor's encoding, null if it has none.
PatternAttr patternOf(mlir::Type type);

/// The sizes of one of attention's tensors, of rank 4, by what they are.
struct AttentionShape {
  int64_t batch, positions, heads, size;

  AttentionShape(mlir::Value tensor, Layout layout);
  /// In the order of a layout.
  llvm::SmallVector<int64_t, 4> dims(Layout layout) const;
};

/// On a function: the floating-point operations of its products and attention, as the model means
/// it, with nothing computed again.
inline constexpr llvm::StringLiteral kModelFlops = "stc.model_flops";

/// On a function of one op of attention: it is compiled for tensors of any batch, any numbers of
/// heads and up to as many positions, which lie where its caller has them. Types are an example.
inline constexpr llvm::StringLiteral kDynamic = "stc.dynamic";

/// Of an entry's input: what all its elements have to be below, and not negative.
inline constexpr llvm::StringLiteral kBelow = "stc.below";

/// On an input or a result of a function, or on a variable: the dimension along which it is dealt
/// over each axis of devices, {data = 0}.
inline constexpr llvm::StringLiteral kDealt = "stc.dealt";
/// On a module: the axes of devices that its functions are dealt over, the slowest first,
/// [{name = "data", count = 4}].
inline constexpr llvm::StringLiteral kAxes = "stc.axes";

/// A constant tensor with the same value everywhere.
mlir::Value splat(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type, double value);

} // namespace stc

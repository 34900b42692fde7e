//===- Differentiable.td - ops that know their gradient -----*- tablegen -*-===//
//
// The interface through which stc-differentiate asks an op for its vector-Jacobian product. The ops
// of arith and math implement it from outside, see ArithGradients.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef STC_DIALECTS_DIFFERENTIABLE_TD
#define STC_DIALECTS_DIFFERENTIABLE_TD

include "mlir/IR/OpBase.td"

def Stc_Differentiable : OpInterface<"Differentiable"> {
  let cppNamespace = "::stc";
  let description = "An op that can build the gradients of its operands from those of its results.";
  let methods = [
    InterfaceMethod<[{
      Builds, at the builder's insertion point, the gradient of each operand. `resultGrads` has an
      entry a result, null where the loss does not depend on it (never null for all). Entries of
      `operandGrads` (one an operand, all null at entry) stay null where the gradient is zero or the
      operand is not differentiable. Gradients have their operand's type.
    }], "::mlir::LogicalResult", "buildGradient", (ins
        "::mlir::OpBuilder &":$builder, "::mlir::ArrayRef<::mlir::Value>":$resultGrads,
        "::llvm::MutableArrayRef<::mlir::Value>":$operandGrads)>];
}

#endif

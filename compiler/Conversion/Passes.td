//===- Passes.td - passes from one level to the next --------*- tablegen -*-===//
#ifndef STC_CONVERSION_PASSES_TD
#define STC_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertTileToPlan : Pass<"convert-tile-to-plan", "::mlir::ModuleOp"> {
  let summary = "Give each value a place in the arena and each op a step";
  let description = [{
    Public functions become `plan.entry`, variables `plan.variable`, both at fixed offsets. A launch
    stays a launch, `stc.matmul` becomes `plan.gemm`, a constant of zeros `plan.zero`; `stc.reshape`,
    `stc.read` and, where nobody needs the old value any more, `stc.write` cost nothing. What nobody
    needs is dropped, kernels and private functions too.

    A launch whose result takes over the memory of an operand (`inplace`) launches a variant of the
    kernel in which the two buffers are one, so that a kernel's buffers are always memory of their
    own.

    The attribute `stc.name` names arguments and results; without it they are `arg0`, `result0`, ...
  }];
  let dependentDialects = ["::stc::plan::PlanDialect"];
}

#endif

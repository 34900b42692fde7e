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

    Scratch variables lie behind the others, and an entry that uses none of them has its temporary
    values there.

    The attribute `stc.name` names arguments and results; without it they are `arg0`, `result0`, ...
  }];
  let dependentDialects = ["::stc::plan::PlanDialect"];
}

def CheckCudaSteps : Pass<"check-cuda-steps", "::mlir::ModuleOp"> {
  let summary = "Refuse what does not run on a GPU yet";
  let description = [{
    Kernels of another kind than attention: one error, at the first of them.
  }];
}

def ExpandTileOnHost : Pass<"expand-tile-on-host", "::stc::tile::KernelOp"> {
  let summary = "Make the ops of the tile dialect in a kernel loops over vectors";
  let description = [{
    What is left are `scf`, `arith`, `math`, `memref` and `vector`, and `tile.scratch`.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "16", "float32 lanes of a vector">,
    Option<"accumulators", "accumulators", "int64_t", "16", "accumulators of a register tile">
  ];
  let dependentDialects = ["::mlir::vector::VectorDialect"];
}

def ApproximateMathOnHost : Pass<"approximate-math-on-host", "::mlir::ModuleOp"> {
  let summary = "Compute elementary functions by arithmetic";
  let description = [{
    Code for the host calls no library, so that exponentials, logarithms and the like become polynomials
    over vectors, and divisions and roundings that LLVM has no instruction for become simpler ops.
    Functions of f16 and bf16 are computed in f32; for f64 there are no polynomials, which is an error.
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect"];
}

def ConvertTileToHost : Pass<"convert-tile-to-host", "::mlir::ModuleOp"> {
  let summary = "Give each kernel a module of its own, with a function over bare pointers";
  let description = [{
    A `tile.kernel @k` becomes a `plan.kernel @k` whose module has a function `@k.body`. Its arguments
    are the kernel's, each buffer a pointer to memory that nothing else points to, and after them the
    thread's scratch. `tile.scratch` is a view of that at a fixed offset.
  }];
  let dependentDialects = ["::stc::plan::PlanDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect"];
}

def AddKernelEntry : Pass<"add-kernel-entry", "::stc::plan::KernelOp"> {
  let summary = "Add the function that the runtime calls";
  let description = [{
    `void k(void *const *buffers, const int64_t *sizes, int64_t item, void *scratch)` loads the
    arguments of `k.body` and calls it. The body is not inlined: what its arguments promise about
    aliasing holds as long as they are arguments.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ConvertTileToCuda : Pass<"convert-tile-to-cuda", "::mlir::ModuleOp"> {
  let summary = "Make kernels for an NVIDIA GPU";
  let description = [{
    A kernel of attention becomes a `plan.kernel` with a grid: a persistent kernel in ops of `nvvm`, `llvm`,
    `arith` and `scf`. For sm_90a it has a warpgroup that copies tiles by the copy engine and others that
    compute. For sm_80, and for views and rows that the copy engine cannot reach, all its warps copy and
    compute.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"sm_90a\"", "sm_80 (and later GPUs) or sm_90a">
  ];
  let dependentDialects = ["::stc::plan::PlanDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect"];
}

#endif

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

    Kernels that only the optimizer's variables are given to have the kind `optimizer`.

    Scratch variables lie behind the others, and an entry that uses none of them has its temporary
    values there.

    The attribute `stc.name` names arguments and results; without it they are `arg0`, `result0`, ...
  }];
  let dependentDialects = ["::stc::plan::PlanDialect"];
}

def GatherLaunches : Pass<"gather-launches", "::mlir::func::FuncOp"> {
  let summary = "Put launches of one kernel next to each other, where that takes no memory";
  let description = [{
    A launch moves down to the next one of its kernel, if its results are not needed before and have at
    least the bytes of the operands that it keeps alive: the optimizer's, one a weight, come together.
    What needs only variables goes to the start where it makes less of them: weights in a narrow type.
  }];
}

def GroupExchanges : Pass<"group-exchanges", "::mlir::func::FuncOp"> {
  let summary = "Put collectives that start at about the same time into one exchange";
  let description = [{
    What sends the value of a variable moves to the start, unless it is written before, and all others to right behind
    what they send, which moves up to right behind what it needs, so that as much as can be is computed beside them.
    Then, in order, collectives join a `tile.exchange` until it has `bucket` bytes or one of its results is needed;
    it stands where the last of them stood. Those whose results are needed before others fill a bucket do not wait for
    these, and those of less than 64 KiB wait for each other alone. Exchanges of the start take turns: each starts when
    the one before the last is needed. What sends on the result of another, along another axis, is grouped after the
    others in the same way. Launches that make what one exchange sends can be gathered before it.
  }];
  let options = [
    Option<"bucket", "bucket", "int64_t", "16777216", "bytes of an exchange, from which on it is not joined">
  ];
  let dependentDialects = ["::stc::tile::TileDialect"];
}

def BatchLaunches : Pass<"batch-launches", "::mlir::ModuleOp"> {
  let summary = "Launch neighbours of one kernel at once, on a GPU";
  let description = [{
    Steps that follow each other, launch one kernel and do not need each other become a `plan.batch`. It
    launches a kernel of its own, whose blocks find out which launch an item belongs to.
  }];
  let dependentDialects = ["::stc::plan::PlanDialect"];
}

def ExpandTileOnHost : Pass<"expand-tile-on-host", "::stc::tile::KernelOp"> {
  let summary = "Make the ops of the tile dialect in a kernel loops over vectors";
  let description = [{
    What is left are `scf`, `arith`, `math`, `memref` and `vector`, `tile.scratch`, and the pointers of
    register tiles, in `llvm`.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "16", "float32 lanes of a vector">,
    Option<"accumulators", "accumulators", "int64_t", "16", "accumulators of a register tile">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect"];
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

def ApproximateMathOnCuda : Pass<"approximate-math-on-cuda", "::mlir::ModuleOp"> {
  let summary = "Compute elementary functions by arithmetic and a GPU's own functions";
  let description = [{
    As on the host, but exponentials, hyperbolic tangents, roots and divisions of f32 are built on the fast
    instructions of the GPU, corrected where these alone are wrong by more than 1e-6 of the result.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::vector::VectorDialect"];
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

def ScheduleAttention : Pass<"schedule-attention", "::mlir::ModuleOp"> {
  let summary = "Choose how attention uses an NVIDIA GPU";
  let description = [{
    Gives each `tile.attention`, `tile.attention_key_grad` and `tile.attention_query_grad` its schedule: on sm_90a products of warpgroups
    where the copy engine reaches all rows of its views (`#tile.wgmma`), for all else products of single warps
    (`#tile.mma_sync`); with how many rows of the other axis are a tile, how many of these are in flight, and how many
    warps a block has. The choices are pure functions of sizes of heads, rows and views in `compiler/Schedule`.
    What a GPU does not take, such as heads of more than 128 elements, is an error here.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"sm_90a\"", "sm_80 (and later GPUs) or sm_90a">
  ];
}

def ConvertTileToCuda : Pass<"convert-tile-to-cuda", "::mlir::ModuleOp"> {
  let summary = "Make kernels for an NVIDIA GPU";
  let description = [{
    A kernel becomes a `plan.kernel` with a grid: a persistent kernel in ops of `nvvm`, `llvm`, `arith`, `math`
    and `scf`. For attention on sm_90a it has a warpgroup that copies tiles by the copy engine and others that
    compute. For sm_80, for views and rows that the copy engine cannot reach, and in float32, all its warps
    copy and compute. One query has a block of its own.

    Of rows and tables, an item is a warp's. In a `tile.sweep` a lane has up to 8 neighbouring columns, then those
    32 times as far on, and so forth; sums go from lane to lane. Rows of up to 2048 columns that several sweeps
    read stay in registers, and so do sums of columns over an item's rows.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"sm_90a\"", "sm_80 (and later GPUs) or sm_90a">
  ];
  let dependentDialects = ["::stc::plan::PlanDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect"];
}

#endif

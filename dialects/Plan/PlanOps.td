//===- PlanOps.td - the plan dialect: operations ------------*- tablegen -*-===//
#ifndef STC_DIALECTS_PLAN_OPS_TD
#define STC_DIALECTS_PLAN_OPS_TD

include "dialects/Plan/Plan.td"
include "dialects/Stc/Stc.td"
include "dialects/Tile/TileExchange.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"

class Plan_Op<string mnemonic, list<Trait> traits = []> : Op<Plan_Dialect, mnemonic, traits>;

def Plan_Buffers : TypedArrayAttrBase<Plan_BufferAttr, "buffers">;

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

def Plan_AxisOp : Plan_Op<"axis", [Symbol, HasParent<"::mlir::ModuleOp">]> {
  let summary = "an axis of the grid of devices, and how many are along it";
  let description = [{
    Devices are numbered in row-major order of their places on the axes. Without an axis there is one device.

    ```mlir
    plan.axis @data of 4
    ```

    Constraints:
    - (C1) there is at least one device.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$count);
  let assemblyFormat = "$sym_name `of` $count attr-dict";
  let hasVerifier = 1;
}

def Plan_ArenaOp : Plan_Op<"arena", [HasParent<"::mlir::ModuleOp">]> {
  let summary = "the one piece of memory that all buffers lie in";
  let description = [{
    ```mlir
    plan.arena 1048576
    ```

    Constraints:
    - (C1) the size is not negative, and the module has no other arena.
  }];
  let arguments = (ins I64Attr:$bytes);
  let assemblyFormat = "$bytes attr-dict";
  let hasVerifier = 1;
}

def Plan_VariableOp : Plan_Op<"variable", [Symbol, HasParent<"::mlir::ModuleOp">]> {
  let summary = "a tensor that outlives the entries which read and write it";
  let description = [{
    Zero until something is written to it. `dealt` says along which dimension devices have parts of it, by the
    names of axes.

    ```mlir
    plan.variable parameter @ln_f.weight at 4096 : tensor<512xf32>
    ```

    Constraints:
    - (C1) the bytes from the offset on lie inside the arena, and no other variable has one of them.
    - (C2) `dealt` has dimensions of the tensor.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Stc_Role:$role, I64Attr:$offset,
                       TypeAttrOf<AnyStaticShapeTensor>:$type, OptionalAttr<DictionaryAttr>:$dealt);
  let assemblyFormat = "$role $sym_name `at` $offset `:` $type (`dealt` $dealt^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    BufferAttr getBuffer() {
      return BufferAttr::get(getContext(), getOffset(), ::llvm::cast<::mlir::RankedTensorType>(getType()));
    }
  }];
}

def Plan_EntryOp : Plan_Op<"entry", [IsolatedFromAbove, Symbol, SingleBlock, NoTerminator,
    NoRegionArguments, HasParent<"::mlir::ModuleOp">]> {
  let summary = "what a user of the program calls: steps from inputs to outputs";
  let description = [{
    Inputs are as they were when the steps are done; outputs may lie where an input or a variable
    lies. `peak` is the first byte of the arena that no step touches, so that everything before it is
    what a run of the entry takes, variables included. `model_flops` are the floating-point operations
    of its products and attention over the pairs that patterns have, where they are counted: those of
    the model, of which none is there because something is computed again. `below` says for each input what
    its elements are less than, as they are indices, or 0 where they are not.

    An entry with `parameters` has dynamic sizes. Each call gives the parameters, which are the sizes of all
    launches, and the memory of inputs and outputs. All numbers that stand here are those of the parameters'
    examples, at which it is an entry like others, but that no two values share memory.

    ```mlir
    plan.entry @double inputs ["x" = 0 : tensor<64xf32>] outputs ["y" = 256 : tensor<64xf32>] peak 512 {
      plan.launch @twice items 1 sizes [64] (0 : tensor<64xf32>, 256 : tensor<64xf32>)
    }
    ```

    Constraints:
    - (C1) the peak is at most the arena's size.
    - (C2) inputs and outputs, and what the steps read and write, lie before the peak.
    - (C3) no two inputs have the same name, nor two outputs.
    - (C4) the body holds only steps: launches, batches of them, gemms, copies, zeros, exchanges and waits.
    - (C5) `below` has a number for each input, which is not negative, and 0 where its elements are no integers.
    - (C6) exchanges have different numbers, and each is waited for once, behind it.
    - (C7) `dealt_inputs` and `dealt_outputs` have a dictionary for each input and output, of dimensions that the
      tensor has by the names of axes: device r has the r-th of equal parts along each.
    - (C8) where there are parameters, all steps are launches with `dynamic`, whose sizes are the parameters' examples.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$inputNames, Plan_Buffers:$inputs,
                       StrArrayAttr:$outputNames, Plan_Buffers:$outputs, I64Attr:$peak,
                       OptionalAttr<I64Attr>:$modelFlops, OptionalAttr<DenseI64ArrayAttr>:$below,
                       OptionalAttr<ArrayAttr>:$dealtInputs, OptionalAttr<ArrayAttr>:$dealtOutputs,
                       OptionalAttr<Tile_Parameters>:$parameters);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `inputs` custom<NamedBuffers>($inputNames, $inputs) (`below` $below^)? (`dealt` $dealtInputs^)?
    `outputs` custom<NamedBuffers>($outputNames, $outputs) (`dealt_outputs` $dealtOutputs^)? `peak` $peak
    (`model_flops` $modelFlops^)? (`parameters` $parameters^)? $body attr-dict
  }];
  let hasVerifier = 1;
}

def Plan_KernelOp : Plan_Op<"kernel", [IsolatedFromAbove, Symbol, SingleBlock, NoTerminator,
    NoRegionArguments, HasParent<"::mlir::ModuleOp">]> {
  let summary = "a kernel that is lowered to a target's code";
  let description = [{
    The body is one module, whose function of the kernel's name is what the runtime calls.
    `scratch` are the bytes that each thread has for it. A kernel with a `grid` is launched on a GPU; the
    parameters of its function are the grid's tensor maps, the buffers, the sizes (i64) and the number of
    items (i32).

    ```mlir
    plan.kernel @twice kind "rows" scratch 0 {
      builtin.module {
        llvm.func @twice(%buffers: !llvm.ptr, %sizes: !llvm.ptr, %item: i64, %scratch: !llvm.ptr) {
          llvm.return
        }
      }
    }
    ```

    Constraints:
    - (C1) the body is one module.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind, I64Attr:$scratch, OptionalAttr<Plan_GridAttr>:$grid);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `kind` $kind `scratch` $scratch (`grid` $grid^)? $body attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::ModuleOp getCode() { return ::llvm::cast<::mlir::ModuleOp>(getBody().front().front()); }
  }];
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

def Plan_ExchangeOp : Plan_Op<"exchange", [HasParent<"EntryOp">]> {
  let summary = "starts collectives";
  let description = [{
    Those of a `tile.exchange`, from buffers to others. They go on beside the steps that follow, up to the
    `plan.wait` for their number.

    ```mlir
    plan.exchange 3 [#tile.collective<all_gather over "data" of 4 runs 1>] from (0 : tensor<16xf32>)
        to (4096 : tensor<64xf32>)
    plan.wait 3
    ```

    Constraints:
    - (C1) there is at least one collective, and a buffer that it reads and one that it writes for each, as
      constraints C1 to C3 of `tile.exchange` say of operands and results.
    - (C2) what is written shares no byte with what else is written or read.
  }];
  let arguments = (ins I64Attr:$number, TypedArrayAttrBase<Tile_CollectiveAttr, "collectives">:$collectives,
                       Plan_Buffers:$inputs, Plan_Buffers:$outputs);
  let assemblyFormat = [{
    $number $collectives `from` custom<Buffers>($inputs) `to` custom<Buffers>($outputs) attr-dict
  }];
  let hasVerifier = 1;
}

def Plan_WaitOp : Plan_Op<"wait", [HasParent<"EntryOp">]> {
  let summary = "waits for an exchange";
  let description = [{
    From here on its results are there, and what it read may change.

    ```mlir
    plan.wait 3
    ```

    Constraints:
    - (C1) an exchange of this number stands before, and no other wait for it.
  }];
  let arguments = (ins I64Attr:$number);
  let assemblyFormat = "$number attr-dict";
}

def Plan_BatchOp : Plan_Op<"batch", [HasParent<"EntryOp">, SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "launches of one kernel as one, on a GPU";
  let description = [{
    The items of all are one grid's, so that many small launches cost one.

    ```mlir
    plan.batch {
      plan.launch @twice items 64 sizes [65536] (0 : tensor<65536xf32>, 262144 : tensor<65536xf32>)
      plan.launch @twice items 1 sizes [64] (524288 : tensor<64xf32>, 524544 : tensor<64xf32>)
    }
    ```

    Constraints:
    - (C1) the body holds only launches, at least two, of one kernel.
    - (C2) what one launch writes shares no byte with what another one reads or writes; this is not
      verified.
  }];
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$body attr-dict";
  let hasVerifier = 1;
}

def Plan_LaunchOp : Plan_Op<"launch", [ParentOneOf<["EntryOp", "BatchOp"]>,
                                       DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel over its items";
  let description = [{
    ```mlir
    plan.launch @twice items 64 sizes [65536] (0 : tensor<65536xf32>, 262144 : tensor<65536xf32>)
    ```

    Constraints:
    - (C1) the symbol is a `tile.kernel` with as many buffers and sizes, of the same element types
      (an i1 is an i8 in memory), or a `plan.kernel`.
    - (C2) items are not negative.
    - (C3) `dynamic` is that of a `tile.launch` whose results that are not tied are the last buffers.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, I64Attr:$items, DenseI64ArrayAttr:$sizes, Plan_Buffers:$buffers,
                       OptionalAttr<Tile_WorkAttr>:$work, OptionalAttr<AffineMapAttr>:$dynamic);
  let assemblyFormat = [{
    $kernel `items` $items `sizes` $sizes custom<Buffers>($buffers) (`work` $work^)? (`dynamic` $dynamic^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Plan_GemmOp : Plan_Op<"gemm", [HasParent<"EntryOp">]> {
  let summary = "a dense matrix product, or a batch of them, by the library";
  let description = [{
    `c = op(a) * op(b)`, row-major; op(a) is m x k, op(b) is k x n, and `op` transposes on request.
    Products of f16 and bf16, which a GPU has, are added up in f32 and rounded once.

    ```mlir
    plan.gemm f32 m 128 n 256 k 64 a <0, row 64, batch 0> b <32768, row 64, batch 0> transpose_b
        c <98304, row 256, batch 0>
    ```

    Constraints:
    - (C1) the element type is f64, f32, bf16 or f16; m, n, k and batch are not negative.
    - (C2) the rows of each matrix are at least as far apart as they are long.
    - (C3) c shares no byte with a or b.
  }];
  let arguments = (ins TypeAttr:$type, I64Attr:$m, I64Attr:$n, I64Attr:$k, DefaultValuedAttr<I64Attr, "1">:$batch,
                       Plan_MatrixAttr:$a, UnitAttr:$transpose_a, Plan_MatrixAttr:$b, UnitAttr:$transpose_b,
                       Plan_MatrixAttr:$c);
  let assemblyFormat = [{
    $type `m` $m `n` $n `k` $k (`batch` $batch^)? `a` $a (`transpose_a` $transpose_a^)?
    `b` $b (`transpose_b` $transpose_b^)? `c` $c attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Bytes from the first element of the first matrix to behind the last of the last.
    int64_t getBytesA();
    int64_t getBytesB();
    int64_t getBytesC();
  }];
}

def Plan_CopyOp : Plan_Op<"copy", [HasParent<"EntryOp">]> {
  let summary = "bytes from one place of the arena to another";
  let description = [{
    ```mlir
    plan.copy 0 to 4096 bytes 1024
    ```

    Constraints:
    - (C1) the two places share no byte.
  }];
  let arguments = (ins I64Attr:$source, I64Attr:$target, I64Attr:$bytes);
  let assemblyFormat = "$source `to` $target `bytes` $bytes attr-dict";
  let hasVerifier = 1;
}

def Plan_ZeroOp : Plan_Op<"zero", [HasParent<"EntryOp">]> {
  let summary = "zeros in a place of the arena";
  let description = [{
    ```mlir
    plan.zero 4096 bytes 1024
    ```
  }];
  let arguments = (ins I64Attr:$target, I64Attr:$bytes);
  let assemblyFormat = "$target `bytes` $bytes attr-dict";
}

#endif

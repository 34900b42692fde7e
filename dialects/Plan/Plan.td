//===- Plan.td - the plan dialect: what the runtime does ----*- tablegen -*-===//
#ifndef STC_DIALECTS_PLAN_TD
#define STC_DIALECTS_PLAN_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::stc::plan";
  let summary = "What the runtime does: buffers at fixed offsets, launches, library calls, in order";
  let description = [{
    The level at which nothing is left to decide, and what the program file stores. A module has one
    `plan.arena`, the variables, the entries with their steps, and the kernels that they launch. All
    offsets are bytes into the arena; there are no SSA values.
  }];
  let dependentDialects = ["::stc::StcDialect", "::stc::tile::TileDialect"];
  let useDefaultAttributePrinterParser = 1;
}

class Plan_Attr<string name, string attrMnemonic> : AttrDef<Plan_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Plan_BufferAttr : Plan_Attr<"Buffer", "buffer"> {
  let summary = "a dense row-major tensor in the arena";
  let description = [{
    ```mlir
    #plan.buffer<4096 : tensor<128x64xf32>>
    ```
  }];
  let parameters = (ins "int64_t":$offset, "::mlir::RankedTensorType":$type);
  let assemblyFormat = "`<` $offset `:` $type `>`";
  let extraClassDeclaration = [{
    int64_t getBytes() const { return bytesOf(getType()); }
  }];
}

def Plan_MatrixAttr : Plan_Attr<"Matrix", "matrix"> {
  let summary = "a matrix of a gemm, or a batch of them";
  let description = [{
    Its offset in bytes, the elements from a row to the next, and those from a matrix of the batch to
    the next.

    ```mlir
    #plan.matrix<4096, row 64, batch 8192>
    ```
  }];
  let parameters = (ins "int64_t":$offset, "int64_t":$leading, "int64_t":$step);
  let assemblyFormat = "`<` $offset `,` `row` $leading `,` `batch` $step `>`";
}

def Plan_TensorMapAttr : Plan_Attr<"TensorMap", "tensor_map"> {
  let summary = "how a GPU's copy engine sees a buffer of a kernel";
  let description = [{
    Up to five dimensions over the memory of the kernel's buffer of that number, from a byte offset on:
    their sizes in elements, the fastest first, the strides in bytes of all but the fastest, the box
    that one copy takes, and the bytes of the swizzle (64 or 128). What a box has outside the sizes is
    read as zeros and not written. Of a kernel of dynamic sizes, `dynamic` gives for any sizes of a launch the
    offset, the sizes and the strides, and those that stand here are an example.

    ```mlir
    #plan.tensor_map<buffer 0, offset 0, bf16, sizes [64, 12288, 8, 4], strides [1024, 128, 12582912],
                     box [64, 128, 1, 1], swizzle 128>
    ```
  }];
  let parameters = (ins "int64_t":$buffer, "int64_t":$offset, "::mlir::Type":$element,
                        ArrayRefParameter<"int64_t">:$sizes, ArrayRefParameter<"int64_t">:$strides,
                        ArrayRefParameter<"int64_t">:$box, "int64_t":$swizzle,
                        OptionalParameter<"::mlir::AffineMapAttr">:$dynamic);
  let assemblyFormat = [{
    `<` `buffer` $buffer `,` `offset` $offset `,` $element `,` `sizes` `[` $sizes `]` `,`
    `strides` `[` $strides `]` `,` `box` `[` $box `]` `,` `swizzle` $swizzle (`,` `dynamic` $dynamic^)? `>`
  }];
}

def Plan_GridAttr : Plan_Attr<"Grid", "grid"> {
  let summary = "what a launch on a GPU needs to know of a kernel";
  let description = [{
    Threads of a block, bytes of its shared memory, and the tensor maps that are the kernel's first
    parameters. Blocks take items in turn: their number is the runtime's choice. A kernel that is
    `early` itself waits for the launches before it, so that its blocks may start while those end.

    ```mlir
    #plan.grid<threads 384, shared 99328, maps [], early true>
    ```
  }];
  let parameters = (ins "int64_t":$threads, "int64_t":$shared, "::mlir::ArrayAttr":$maps,
                        "bool":$early);
  let assemblyFormat =
      "`<` `threads` $threads `,` `shared` $shared `,` `maps` $maps `,` `early` $early `>`";
}

#endif

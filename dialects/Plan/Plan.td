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

#endif

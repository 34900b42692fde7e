//===- Tile.td - the tile dialect: kernels and launches -----*- tablegen -*-===//
//
// The level at which sparsity has become loops over tiles. What a kernel computes is in
// TileAttentionOps.td (attention) and TileRowOps.td (elementwise work and reductions).
//
//===----------------------------------------------------------------------===//
#ifndef STC_DIALECTS_TILE_TD
#define STC_DIALECTS_TILE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::stc::tile";
  let summary = "How an op walks its tiles, the same for every target";
  let description = [{
    A module at this level has functions over tensors that say in which order kernels are launched
    (`tile.launch`), and the kernels (`tile.kernel`), which work on buffers. Kernels hold ops of this
    dialect beside plain `scf`, `arith`, `math` and `memref`; a target lowers both.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::memref::MemRefDialect"];
  let useDefaultAttributePrinterParser = 1;
}

def Tile_WorkAttr : AttrDef<Tile_Dialect, "Work"> {
  let mnemonic = "work";
  let summary = "what a launch has to do, however it is done";
  let description = [{
    Floating-point operations of its products, a multiplication and an addition being two, over the
    pairs that the pattern has, not over tiles; and bytes of memory, each that is needed read once, each
    result written once. Elementwise work has bytes alone.

    ```mlir
    #tile.work<flops 618475290624, bytes 201326592>
    ```
  }];
  let parameters = (ins "int64_t":$flops, "int64_t":$bytes);
  let assemblyFormat = "`<` `flops` $flops `,` `bytes` $bytes `>`";
}

def Tile_ParameterAttr : AttrDef<Tile_Dialect, "Parameter"> {
  let mnemonic = "parameter";
  let summary = "a number that each call of a function of dynamic sizes gives";
  let description = [{
    Its name, an example, of which number it is a multiple, and the most that it may be. At least it is that
    multiple.

    ```mlir
    #tile.parameter<"positions" = 4096 multiple 128 most 65536>
    ```
  }];
  let parameters = (ins StringRefParameter<"">:$name, "int64_t":$example, "int64_t":$multiple, "int64_t":$most);
  let assemblyFormat = "`<` $name `=` $example `multiple` $multiple `most` $most `>`";
}
def Tile_Parameters : TypedArrayAttrBase<Tile_ParameterAttr, "parameters">;

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}

#endif

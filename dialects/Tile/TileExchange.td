//===- TileExchange.td - collectives under way together -----*- tablegen -*-===//
#ifndef STC_DIALECTS_TILE_EXCHANGE_TD
#define STC_DIALECTS_TILE_EXCHANGE_TD

include "dialects/Tile/Tile.td"
include "mlir/IR/EnumAttr.td"

def Tile_CollectiveKind : I32EnumAttr<"CollectiveKind", "what devices do with a tensor together", [
    I32EnumAttrCase<"AllGather", 0, "all_gather">,
    I32EnumAttrCase<"AllSlice", 1, "all_slice">,
    I32EnumAttrCase<"ReduceScatter", 2, "reduce_scatter">,
    I32EnumAttrCase<"AllReduce", 3, "all_reduce">,
    I32EnumAttrCase<"AllMax", 4, "all_max">,
    I32EnumAttrCase<"AllToAll", 5, "all_to_all">]> {
  let cppNamespace = "::stc::tile";
}

def Tile_CollectiveAttr : AttrDef<Tile_Dialect, "Collective"> {
  let mnemonic = "collective";
  let summary = "one tensor's part of an exchange";
  let description = [{
    The kind is that of the stc op of this name, `all_reduce` sums and `all_max` takes the maximum. A tensor of
    which each device has a part is `runs` runs of memory, each cut into as many equal parts as the axis has
    devices.

    ```mlir
    #tile.collective<all_gather over "data" of 4 runs 1>
    ```
  }];
  let parameters = (ins "::stc::tile::CollectiveKind":$kind, "::mlir::StringAttr":$axis,
                        "int64_t":$count, "int64_t":$runs);
  let assemblyFormat = "`<` $kind `over` $axis `of` $count `runs` $runs `>`";
  let extraClassDeclaration = [{
    /// How many elements a result has of so many of the operand; no value where these cannot be cut.
    std::optional<int64_t> resultElements(int64_t elements);
  }];
}

def Tile_ExchangeOp : Tile_Op<"exchange", [Pure]> {
  let summary = "collectives that are under way together";
  let description = [{
    They start where the op stands, once all operands are there, and go on beside what follows; whoever needs a
    result waits for all of them.

    ```mlir
    %w:2 = tile.exchange(%a, %b) [#tile.collective<all_gather over "data" of 4 runs 1>,
                                  #tile.collective<reduce_scatter over "data" of 4 runs 1>]
        : (tensor<16x64xbf16>, tensor<64xf32>) -> (tensor<64x64xbf16>, tensor<16xf32>)
    ```

    Constraints:
    - (C1) there is at least one operand, and a collective and a result for each, of its element type.
    - (C2) an axis has a name and at least one device; there is at least one run.
    - (C3) a gathered result has as many times the operand's elements as there are devices; a slice or a
      scattered sum has the operand's elements divided by them; other results have as many. Runs and devices
      divide what is cut, which what is sent from all to all is as well.
  }];
  let arguments = (ins Variadic<AnyStaticShapeTensor>:$operands,
                       TypedArrayAttrBase<Tile_CollectiveAttr, "collectives">:$collectives);
  let results = (outs Variadic<AnyStaticShapeTensor>:$results);
  let assemblyFormat = "`(` $operands `)` $collectives attr-dict `:` functional-type($operands, $results)";
}

#endif

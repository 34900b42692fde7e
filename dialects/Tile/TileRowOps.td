//===- TileRowOps.td - elementwise work over rows -----------*- tablegen -*-===//
#ifndef STC_DIALECTS_TILE_ROW_OPS_TD
#define STC_DIALECTS_TILE_ROW_OPS_TD

include "dialects/Tile/Tile.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Tile_Combiner : I32EnumAttr<"Combiner", "how values are combined over columns", [
    I32EnumAttrCase<"Sum", 0, "sum">,
    I32EnumAttrCase<"Max", 1, "max">]> {
  let cppNamespace = "::stc::tile";
}

def Tile_SweepOp : Tile_Op<"sweep", [SingleBlock, RecursiveMemoryEffects]> {
  let summary = "the same scalar work for every column of a row";
  let description = [{
    Does the region for each column in [lower, upper), in any order, many at once: lanes of a vector
    on a CPU, threads of a block on a GPU. The region works on one element and has no loops and no
    branches. What it yields through `tile.combine` is combined over all columns; the order of the
    additions is the target's but the same at every run. Over no column, a sum is zero and a maximum
    is minus infinity.

    ```mlir
    %s = tile.sweep %c = %c0 to %c512 -> (f32) {
      %e = memref.load %x[%row, %c] : memref<?x512xf32>
      memref.store %e, %y[%row, %c] : memref<?x512xf32>
      tile.combine sum %e : f32
    }
    ```

    Constraints:
    - (C1) the region has one argument, the column, of type index.
    - (C2) results have the types of the values that `tile.combine` yields.
    - (C3) the region holds `memref.load`, `memref.store`, and ops without regions or side effects.
    - (C4) the indices of loads and stores are values from outside, except that the last one may be the
      column, or the column plus a value from outside; that of a store is.
  }];
  let arguments = (ins Index:$lower, Index:$upper);
  let results = (outs Variadic<AnyFloat>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    ::mlir::BlockArgument getColumn() { return getBody().getArgument(0); }
    ::stc::tile::CombineOp getCombine();
    /// Whether a value is the same for all columns because it is defined outside.
    bool isUniform(::mlir::Value value);
    /// For an index that is the column plus a value from outside: that value, or null for the column
    /// alone. Nothing if the index is of another form.
    std::optional<::mlir::Value> getOffset(::mlir::Value index);
  }];
}

def Tile_CombineOp : Tile_Op<"combine", [Pure, Terminator, ReturnLike, HasParent<"SweepOp">]> {
  let summary = "the values of a sweep that are combined over its columns";
  let description = [{
    ```mlir
    tile.combine sum %a, max %b : f32, f32
    ```

    Constraints:
    - (C1) there is a combiner for each value.
  }];
  let arguments = (ins DenseI32ArrayAttr:$combiners, Variadic<AnyFloat>:$values);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    ::stc::tile::Combiner getCombiner(unsigned index) {
      return static_cast<::stc::tile::Combiner>(getCombiners()[index]);
    }
  }];
}

#endif

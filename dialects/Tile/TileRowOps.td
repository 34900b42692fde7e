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

def Tile_RowProductOp : Tile_Op<"row_product", [SingleBlock, RecursiveMemoryEffects]> {
  let summary = "16 rows and some columns of a product, with what comes before and after";
  let description = [{
    Of a product [m, k] x [n, k] with sums in f32, the rows from `row` and the columns from `column` on, 16
    and `width` of them, as far as they exist. The left operand stands in memory, or `before` does a
    row of it, for each of these rows once and in any order. The weights may be f32: then they are rounded
    to the type of the left operand; with `invariant` no launch ahead in the same entry writes them, so that they
    may be read before those have ended. `after` is done for each element of the result once; all but
    its stores may be done for elements that do not exist, too, at a place that does.

    ```mlir
    tile.row_product rows %r of 64 columns %c width 16 by %w : memref<512x256xf32> before {
    ^bb0(%row: index, %to: memref<256xbf16>):
      tile.sweep %k = %c0 to %c256 {
        %x = memref.load %lhs[%row, %k] : memref<?x256xf32>
        %narrow = arith.truncf %x : f32 to bf16
        memref.store %narrow, %to[%k] : memref<256xbf16>
        tile.combine
      }
      tile.return
    } after {
    ^bb0(%row: index, %column: index, %sum: f32):
      memref.store %sum, %y[%row, %column] : memref<?x512xf32>
      tile.return
    }
    ```

    Constraints:
    - (C1) there is a left operand [?, k] or [k], or `before` has one block, with a row's number and memory
      for its k elements as arguments; not both.
    - (C2) the left operand is bf16 or f16; the weights are [n, k] of its type or f32.
    - (C3) `after` has a row, a column and a f32 as arguments, and holds loads, stores and ops without
      regions or side effects. What it loads does not depend on what it stores, nor on the f32.
    - (C4) regions end in `tile.return`.
    - (C5) `width` is 8, 16 or 32.
  }];
  let arguments = (ins Index:$row, I64Attr:$rows, Index:$column, I64Attr:$width,
                       Arg<AnyMemRef, "", [MemRead]>:$weights, Arg<Optional<AnyMemRef>, "", [MemRead]>:$lhs, UnitAttr:$invariant);
  let regions = (region AnyRegion:$before, SizedRegion<1>:$after);
  let assemblyFormat = [{
    `rows` $row `of` $rows `columns` $column `width` $width (`of` $lhs^ `:` type($lhs))?
    `by` (`invariant` $invariant^)? $weights `:` type($weights) attr-dict
    (`before` $before^)? `after` $after
  }];
  let extraClassDeclaration = [{
    /// The type of the operands of the product.
    ::mlir::Type getElement();
    int64_t getColumns() { return ::mlir::cast<::mlir::MemRefType>(getWeights().getType()).getDimSize(0); }
    int64_t getDepth() { return ::mlir::cast<::mlir::MemRefType>(getWeights().getType()).getDimSize(1); }
  }];
}

#endif

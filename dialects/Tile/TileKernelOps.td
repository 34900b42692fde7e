//===- TileKernelOps.td - kernels and launches --------------*- tablegen -*-===//
#ifndef STC_DIALECTS_TILE_KERNEL_OPS_TD
#define STC_DIALECTS_TILE_KERNEL_OPS_TD

include "dialects/Tile/Tile.td"

def Tile_KernelOp : Tile_Op<"kernel", [IsolatedFromAbove, Symbol, SingleBlock]> {
  let summary = "a function that does one item of a launch's work";
  let description = [{
    Arguments are buffers (row-major memrefs, each its own memory), then sizes of type index, then
    the item's number. Items are independent: they may run in any order, on any thread, and no two
    write the same element. Lower numbers start first, so that a kernel puts its heaviest items first.

    ```mlir
    tile.kernel @twice kind "rows" (%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %item: index) {
      %one = memref.load %x[%item] : memref<?xf32>
      %two = arith.addf %one, %one : f32
      memref.store %two, %y[%item] : memref<?xf32>
      tile.return
    }
    ```

    Constraints:
    - (C1) arguments are memrefs with identity layout, then values of type index, the last one the item.
    - (C2) the body ends in `tile.return`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getItem() { return getBody().getArguments().back(); }
    /// The memref arguments, and the index arguments between them and the item.
    ::llvm::SmallVector<::mlir::BlockArgument> getBuffers();
    ::llvm::SmallVector<::mlir::BlockArgument> getSizes();
  }];
}

def Tile_ReturnOp : Op<Tile_Dialect, "return", [Pure, Terminator,
    ParentOneOf<["KernelOp", "RowProductOp"]>]> {
  let summary = "the end of a kernel, or of a part of it";
  let assemblyFormat = "attr-dict";
}

def Tile_ScratchOp : Op<Tile_Dialect, "scratch", [MemoryEffects<[MemAlloc]>]> {
  let summary = "memory of the thread that runs the item";
  let description = [{
    Undefined at the start of an item; aligned to 64 bytes. On a GPU it is shared memory.

    ```mlir
    %s = tile.scratch : memref<128x32xf32>
    ```
  }];
  let results = (outs AnyStaticShapeMemRef:$memory);
  let assemblyFormat = "attr-dict `:` type($memory)";
}

def Tile_LaunchOp : Tile_Op<"launch", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel over its items";
  let description = [{
    The kernel's buffers are the operands in order, then the results that are not tied. A tied result
    is written into the memory of its operand (`tied[k]` is the operand of result k, or -1). A result
    that is not tied may share the memory of operand `inplace[k]` (or -1 for none): the kernel reads an
    element of it only before it writes the same element. `work`, where it is known, is for those who
    ask how fast a launch is.

    In a function of dynamic sizes these are what a call gives, and those that stand here are an example.
    `dynamic` then has, for any sizes, the number of items and the bytes of each result that is not tied.

    ```mlir
    %y = tile.launch @twice(%x) items 64 sizes [65536] tied [-1] inplace [0] : (tensor<65536xf32>) -> (tensor<65536xf32>)
    ```

    Constraints:
    - (C1) the symbol is a `tile.kernel` with as many buffers as operands and untied results, and as many sizes.
    - (C2) `tied` and `inplace` have an entry a result; a tied result has its operand's type, and
      no operand has two.
    - (C3) buffers have the operands' element types, except that an i1 is an i8 in memory.
    - (C4) the kernel writes no buffer of an operand to which no result is tied.
    - (C5) `dynamic` has a symbol for each size and, for those that stand here, gives the items and the bytes of
      the results that are not tied.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyRankedTensor>:$operands, I64Attr:$items,
                       DenseI64ArrayAttr:$sizes, DenseI64ArrayAttr:$tied, DenseI64ArrayAttr:$inplace,
                       OptionalAttr<Tile_WorkAttr>:$work, OptionalAttr<AffineMapAttr>:$dynamic);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $kernel `(` $operands `)` `items` $items `sizes` $sizes `tied` $tied `inplace` $inplace
    (`work` $work^)? (`dynamic` $dynamic^)? attr-dict
    `:` functional-type($operands, $results)
  }];
  let hasVerifier = 1;
}

#endif

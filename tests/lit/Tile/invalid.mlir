// One wrong use for each numbered constraint of the ops' descriptions.
// RUN: stc-opt %s --split-input-file --verify-diagnostics

// Kernels

// expected-error @+1 {{(C1) expected the last argument to be the item, of type index}}
tile.kernel @k kind "rows" (%x: memref<4xf32>) {
  tile.return
}

// -----

// expected-error @+1 {{(C1) expected row-major memrefs, then values of type index, found 'memref<4xf32>'}}
tile.kernel @k kind "rows" (%n: index, %x: memref<4xf32>, %item: index) {
  tile.return
}

// -----

// expected-error @+1 {{(C1) expected row-major memrefs, then values of type index, found 'memref<4xf32, strided<[2]>>'}}
tile.kernel @k kind "rows" (%x: memref<4xf32, strided<[2]>>, %item: index) {
  tile.return
}

// -----

// expected-error @+1 {{expects region #0 to have 0 or 1 blocks}}
tile.kernel @k kind "rows" (%item: index) {
  cf.br ^end
^end:
  tile.return
}

// -----

// expected-error @+1 {{(C2) expected the body to end in tile.return}}
tile.kernel @k kind "rows" (%item: index) {
  %0 = arith.constant 0 : index
}

// -----

// Launches

func.func @f() {
  // expected-error @+1 {{(C1) expected a kernel named @f}}
  tile.launch @f() items 1 sizes [] tied [] inplace [] : () -> ()
  return
}

// -----

tile.kernel @k kind "rows" (%x: memref<4xf32>, %n: index, %item: index) {
  tile.return
}
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{(C1) expected 1 buffers and 1 sizes, found 1 and 0}}
  tile.launch @k(%x) items 1 sizes [] tied [] inplace [] : (tensor<4xf32>) -> ()
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{(C2) expected 1 entries in tied and inplace}}
  %y = tile.launch @k(%x) items 1 sizes [] tied [] inplace [0] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{(C2) expected the number of an operand or -1, found 1}}
  %y = tile.launch @k(%x) items 1 sizes [] tied [-1] inplace [1] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{(C2) expected a tied result of type 'tensor<4xf32>', found 'tensor<8xf32>'}}
  %y = tile.launch @k(%x) items 1 sizes [] tied [0] inplace [-1] : (tensor<4xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{(C2) expected one result tied to operand 0}}
  %y:2 = tile.launch @k(%x) items 1 sizes [] tied [0, 0] inplace [-1, -1] : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

tile.kernel @k kind "rows" (%x: memref<4xi8>, %item: index) {
  tile.return
}
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{(C3) expected a buffer of 'memref<4xi8>', found 'tensor<4xf32>'}}
  tile.launch @k(%x) items 1 sizes [] tied [] inplace [] : (tensor<4xf32>) -> ()
  return
}

// -----

tile.kernel @k kind "rows" (%x: memref<4xf32>, %y: memref<4xf32>, %item: index) {
  %0 = memref.load %x[%item] : memref<4xf32>
  memref.store %0, %x[%item] : memref<4xf32>
  memref.store %0, %y[%item] : memref<4xf32>
  tile.return
}
func.func @f(%x: tensor<4xf32>) {
  %y:2 = tile.launch @k(%x, %x) items 1 sizes [] tied [0, 1] inplace [-1, -1] : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  // expected-error @+1 {{(C4) expected a kernel that writes only results, found that it writes operand 0}}
  %z = tile.launch @k(%x) items 1 sizes [] tied [-1] inplace [-1] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// A view of an operand is the operand.
tile.kernel @k kind "rows" (%x: memref<4xf32>, %item: index) {
  %0 = memref.reinterpret_cast %x to offset: [0], sizes: [2], strides: [2] : memref<4xf32> to memref<2xf32, strided<[2]>>
  %1 = memref.load %0[%item] : memref<2xf32, strided<[2]>>
  memref.store %1, %0[%item] : memref<2xf32, strided<[2]>>
  tile.return
}
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{(C4) expected a kernel that writes only results, found that it writes operand 0}}
  tile.launch @k(%x) items 1 sizes [] tied [] inplace [] : (tensor<4xf32>) -> ()
  return
}

// -----

// Sweeps

func.func @f(%n: index) {
  // expected-error @+1 {{(C1) expected one argument of type index, the column}}
  "tile.sweep"(%n, %n) ({
  ^bb0(%c: i32):
    tile.combine
  }) : (index, index) -> ()
  return
}

// -----

func.func @f(%n: index, %x: f32) {
  // expected-error @+1 {{(C2) expected results of the types that tile.combine yields}}
  tile.sweep %c = %n to %n {
    tile.combine sum %x : f32
  }
  return
}

// -----

func.func @f(%n: index, %b: i1) {
  tile.sweep %c = %n to %n {
    // expected-error @+1 {{(C3) is neither a load, a store nor free of regions and side effects}}
    scf.if %b {
    }
    tile.combine
  }
  return
}

// -----

func.func @f(%n: index, %x: memref<4x4xf32>) {
  tile.sweep %c = %n to %n {
    // expected-error @+1 {{(C4) expected indices from outside the sweep, with the column, or the column plus a value from outside, as the last index or not at all}}
    %e = memref.load %x[%c, %n] : memref<4x4xf32>
    tile.combine
  }
  return
}

// -----

func.func @f(%n: index, %x: memref<4xf32>, %e: f32) {
  tile.sweep %c = %n to %n {
    // expected-error @+1 {{(C4) expected indices from outside the sweep, with the column, or the column plus a value from outside, as the last index}}
    memref.store %e, %x[%n] : memref<4xf32>
    tile.combine
  }
  return
}

// -----

func.func @f(%n: index, %x: memref<4xf32>) {
  tile.sweep %c = %n to %n {
    %twice = arith.addi %c, %c : index
    // expected-error @+1 {{(C4) expected indices from outside the sweep}}
    %e = memref.load %x[%twice] : memref<4xf32>
    tile.combine
  }
  return
}

// -----

func.func @f(%n: index, %x: f32) {
  %0 = tile.sweep %c = %n to %n -> (f32) {
    // expected-error @+1 {{(C1) expected 1 combiners, found 0}}
    "tile.combine"(%x) <{combiners = array<i32>}> : (f32) -> ()
  }
  return
}

// -----

func.func @f(%n: index, %x: f32) {
  %0 = tile.sweep %c = %n to %n -> (f32) {
    // expected-error @+1 {{expected sum or max, found product}}
    tile.combine product %x : f32
  }
  return
}

// -----

// Attention

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
    // expected-error @+1 {{(C1) expected bounds from (residue, strip) to four values of type index}}
    tile.walk view <1, 0, 1, 1> bounds {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %t : index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
    // expected-error @+1 {{(C1) expected a mask from (residue, query row, key row) to i1}}
    tile.walk view <1, 0, 1, 1> bounds {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      tile.yield %a : index
    }
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
    // expected-error @+1 {{(C1) expected ranges from (residue, strip) to three values of type index}}
    tile.walk view <1, 0, 1, 1> ranges {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %t : index, index
    } bounds {
    ^bb0(%r: index, %t: index, %m: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index, %m: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
    // expected-error @+1 {{(C1) expected a mask from (residue, query row, key row, number of the range) to i1}}
    tile.walk view <1, 0, 1, 1> ranges {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %t, %t : index, index, index
    } bounds {
    ^bb0(%r: index, %t: index, %m: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <16, 0, 4, 4> rows 32 strip 32 scale 1.0 {
    // expected-error @+1 {{(C2) expected a factor that has an inverse modulo 4 and a shift below it, found 2 and 1}}
    tile.walk view <16, 0, 4, 4> residue <2, 1> bounds {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <16, 0, 4, 4> rows 32 strip 32 scale 1.0 {
    // expected-error @+1 {{(C2) expected a factor that has an inverse modulo 4 and a shift below it, found 1 and 4}}
    tile.walk view <16, 0, 4, 4> residue <1, 4> bounds {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <16, 0, 4, 4> rows 32 strip 32 scale 1.0 {
    // expected-error @+1 {{(C2) expected no residues side by side where these are mapped}}
    tile.walk view <16, 0, 1, 8, 2 x 4> residue <1, 1> bounds {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

// Other residues of queries would add to the same keys at the same time.
!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  // expected-error @+1 {{(C5) expected walks of one map of residues}}
  tile.attention_grad query %x key %x value %x output %x logsumexp %l output_grad %x query_grad %x key_grad %x value_grad %x
      at [%i, %i, %i, %i] view <16, 0, 4, 4> rows 32 strip 32 scale 1.0 {
    tile.walk view <16, 0, 4, 4> residue <1, 1> bounds {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
    tile.walk view <16, 0, 4, 4> bounds {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
  } : !x, !x, !x, !x, memref<1x2x64xf32>, !x, !x, !x, !x
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
    // expected-error @+1 {{(C1) expected ranges, bounds and mask to end in tile.yield}}
    tile.walk view <1, 0, 1, 1> bounds {
    ^bb0(%r: index, %t: index):
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      tile.yield %a : index
    }
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  // expected-error @+1 {{(C1) expected rows to be a multiple of strip, found 48 and 32}}
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 48 strip 32 scale 1.0 {
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  // expected-error @+1 {{(C1) expected only tile.walk in the body, found arith.constant}}
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
    %c = arith.constant 0 : index
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
!y = memref<1x64x2x4xf32>
func.func @f(%x: !x, %y: !y, %l: memref<1x2x64xf32>, %i: index) {
  // expected-error @+1 {{(C2) expected equal sizes of query and key, and of value and output}}
  tile.attention query %y key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
  } : !y, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
!y = memref<1x32x2x8xf32>
func.func @f(%x: !x, %y: !y, %l: memref<1x2x64xf32>, %i: index) {
  // expected-error @+1 {{(C2) expected 32 queries and outputs, found 32 and 64}}
  tile.attention query %y key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
  } : !y, !x, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
!y = memref<1x32x2x8xf32>
func.func @f(%x: !x, %y: !y, %l: memref<1x2x64xf32>, %i: index) {
  // expected-error @+1 {{(C2) expected as many values as keys, found 64 and 32}}
  tile.attention query %x key %y value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
  } : !x, !y, !x, !x, memref<1x2x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  // expected-error @+1 {{(C1) expected rows to be a multiple of strip, found 0 and 32}}
  tile.attention_grad query %x key %x value %x output %x logsumexp %l output_grad %x query_grad %x key_grad %x value_grad %x
      at [%i, %i, %i, %i] view <1, 0, 1, 1> rows 0 strip 32 scale 1.0 {
  } : !x, !x, !x, !x, memref<1x2x64xf32>, !x, !x, !x, !x
  return
}

// -----

!x = memref<1x64x3x8xf32>
!y = memref<1x64x2x8xf32>
func.func @f(%x: !x, %y: !y, %l: memref<1x3x64xf32>, %i: index) {
  // expected-error @+1 {{(C3) expected as many heads of outputs as of queries and of values as of keys, and a multiple of these, found 3 and 3, 2 and 2}}
  tile.attention query %x key %y value %y output %x logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
  } : !x, !y, !y, !x, memref<1x3x64xf32>
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  // expected-error @+1 {{(C4) expected a positive head_step, found 0}}
  tile.attention_key_grad query %x key %x value %x output_grad %x logsumexp %l delta %l key_grad %x value_grad %x query_sum %x
      at [%i, %i, %i, %i, %i] head_step 0 view <1, 0, 1, 1> rows 64 scale 1.0 {
  } : !x, !x, !x, !x, memref<1x2x64xf32>, memref<1x2x64xf32>, !x, !x, !x
  return
}

// -----

!x = memref<1x64x2x8xf32>
!r = memref<1x1x2x8xf32>
func.func @f(%r: !r, %x: !x, %i: index) {
  // expected-error @+1 {{(C1) expected a query view for each walk, found 1}}
  tile.attention_row query %r key %x value %x output %r at [%i, %i, %i, %i, %i] views [#tile.view<1, 0, 1, 1>] scale 1.0 {
  } : !r, !x, !x, !r
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %i: index) {
  // expected-error @+1 {{(C2) expected 1 queries and outputs, found 64 and 64}}
  tile.attention_row query %x key %x value %x output %x at [%i, %i, %i, %i, %i] views [] scale 1.0 {
  } : !x, !x, !x, !x
  return
}

// -----

!x = memref<1x64x2x8xf32>
!r = memref<1x1x2x8xf32>
func.func @f(%r: !r, %x: !x, %i: index) {
  // expected-error @+1 {{(C4) expected none or two rows to insert, found 1}}
  tile.attention_row query %r key %x value %x output %r insert %r at [%i, %i, %i, %i, %i] views [] scale 1.0 {
  } : !r, !x, !x, !r, !r
  return
}

// -----

!x = memref<1x64x2x8xf32>
!r = memref<1x1x2x8xf32>
func.func @f(%r: !r, %x: !x, %i: index) {
  // expected-error @+1 {{(C4) expected a row of one position to insert into 'memref<1x64x2x8xf32>', found 'memref<1x64x2x8xf32>'}}
  tile.attention_row query %r key %x value %x output %r insert %r, %x at [%i, %i, %i, %i, %i] views [] scale 1.0 {
  } : !r, !x, !x, !r, !r, !x
  return
}

// -----

!x = memref<1x64x2x8xf32>
!y = memref<1x64x3x8xf32>
func.func @f(%x: !x, %y: !y, %i: index) {
  // expected-error @+1 {{(C1) expected query_sum and query_grad of equal positions and heads}}
  tile.attention_query_sum query_sum %x query_grad %y at [%i] rows 64 scale 1.0 : !x, !y
  return
}

// -----

!x = memref<1x64x2x8xf32>
func.func @f(%x: !x, %l: memref<1x2x64xf32>, %i: index) {
  // expected-error @+1 {{(C1) expected rows, found 0}}
  tile.attention_query_grad query %x key %x value %x output_grad %x logsumexp %l delta %l query_grad %x
      at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 0 scale 1.0 {
  } : !x, !x, !x, !x, memref<1x2x64xf32>, memref<1x2x64xf32>, !x
  return
}

// -----

func.func @row_product_c1(%i: index, %x: memref<?x8xbf16>, %w: memref<4x8xbf16>) {
  // expected-error @+1 {{(C1) expected a left operand in memory or a region before, one of the two}}
  tile.row_product rows %i of 4 columns %i width 8 by %w : memref<4x8xbf16> after {
  ^bb0(%r: index, %c: index, %s: f32):
    tile.return
  }
  return
}

// -----

func.func @row_product_c1_region(%i: index, %x: memref<?x8xbf16>, %w: memref<4x8xbf16>) {
  // expected-error @+1 {{(C1) expected an index and a memref as arguments of the region before}}
  tile.row_product rows %i of 4 columns %i width 8 by %w : memref<4x8xbf16> before {
  ^bb0(%r: index):
    tile.return
  } after {
  ^bb0(%r: index, %c: index, %s: f32):
    tile.return
  }
  return
}

// -----

func.func @row_product_c1_depth(%i: index, %x: memref<?x9xbf16>, %w: memref<4x8xbf16>) {
  // expected-error @+1 {{(C1) expected rows of 8 elements, found 'memref<?x9xbf16>'}}
  tile.row_product rows %i of 4 columns %i width 8 of %x : memref<?x9xbf16> by %w : memref<4x8xbf16> after {
  ^bb0(%r: index, %c: index, %s: f32):
    tile.return
  }
  return
}

// -----

func.func @row_product_c2(%i: index, %x: memref<?x8xbf16>, %w: memref<4x8xf16>) {
  // expected-error @+1 {{(C2) expected bf16 or f16 by that or f32, found 'memref<?x8xbf16>' by 'memref<4x8xf16>'}}
  tile.row_product rows %i of 4 columns %i width 8 of %x : memref<?x8xbf16> by %w : memref<4x8xf16> after {
  ^bb0(%r: index, %c: index, %s: f32):
    tile.return
  }
  return
}

// -----

func.func @row_product_c2_rank(%i: index, %x: memref<?x8xbf16>, %w: memref<?x8xbf16>) {
  // expected-error @+1 {{(C2) expected weights [n, k], found 'memref<?x8xbf16>'}}
  tile.row_product rows %i of 4 columns %i width 8 of %x : memref<?x8xbf16> by %w : memref<?x8xbf16> after {
  ^bb0(%r: index, %c: index, %s: f32):
    tile.return
  }
  return
}

// -----

func.func @row_product_c3(%i: index, %x: memref<?x8xbf16>, %w: memref<4x8xbf16>) {
  // expected-error @+1 {{(C3) expected two indices and a f32 as arguments of the region after}}
  tile.row_product rows %i of 4 columns %i width 8 of %x : memref<?x8xbf16> by %w : memref<4x8xbf16> after {
  ^bb0(%r: index, %c: index):
    tile.return
  }
  return
}

// -----

func.func @row_product_c4(%i: index, %x: memref<?x8xbf16>, %w: memref<4x8xbf16>) {
  // expected-error @+1 {{(C4) expected the region before to end in tile.return}}
  tile.row_product rows %i of 4 columns %i width 8 by %w : memref<4x8xbf16> before {
  ^bb0(%r: index, %to: memref<8xbf16>):
    %n = arith.addi %r, %r : index
  } after {
  ^bb0(%r: index, %c: index, %s: f32):
    tile.return
  }
  return
}

// -----

func.func @row_product_c5(%i: index, %x: memref<?x8xbf16>, %w: memref<4x8xbf16>) {
  // expected-error @+1 {{(C5) expected a width of 8, 16 or 32, found 24}}
  tile.row_product rows %i of 4 columns %i width 24 of %x : memref<?x8xbf16> by %w : memref<4x8xbf16> after {
  ^bb0(%r: index, %c: index, %s: f32):
    tile.return
  }
  return
}

// -----

func.func @row_product_c3_op(%i: index, %x: memref<?x8xbf16>, %w: memref<4x8xbf16>) {
  tile.row_product rows %i of 4 columns %i width 8 of %x : memref<?x8xbf16> by %w : memref<4x8xbf16> after {
  ^bb0(%r: index, %c: index, %s: f32):
    // expected-error @+1 {{(C3) is neither a load, a store nor free of regions and side effects}}
    %m = memref.alloc() : memref<4xf32>
    tile.return
  }
  return
}

// -----

func.func @f(%i: index) {
  // expected-error @+1 {{attribute 'table' failed to satisfy constraint: i32 dense array attribute with at least 1 elements}}
  %e = tile.lookup %i of []
  return
}

// -----

// Exchanges

func.func @f() {
  // expected-error @+1 {{(C1) expected operands, and a collective and a result for each, found 0, 0 and 0}}
  tile.exchange() [] : () -> ()
  return
}

// -----

func.func @f(%x: tensor<8xf32>) {
  // expected-error @+1 {{(C1) expected a result of 'f32', found 'bf16'}}
  %y = tile.exchange(%x) [#tile.collective<all_reduce over "data" of 2 runs 1>] : (tensor<8xf32>) -> tensor<8xbf16>
  return
}

// -----

func.func @f(%x: tensor<8xf32>) {
  // expected-error @+1 {{(C2) expected an axis with a name, a device and a run, found #tile.collective<all_reduce over "" of 2 runs 1>}}
  %y = tile.exchange(%x) [#tile.collective<all_reduce over "" of 2 runs 1>] : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @f(%x: tensor<8xf32>) {
  // expected-error @+1 {{(C3) expected sizes that fit #tile.collective<all_gather over "data" of 2 runs 1>, found 'tensor<8xf32>' and 'tensor<8xf32>'}}
  %y = tile.exchange(%x) [#tile.collective<all_gather over "data" of 2 runs 1>] : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @f(%x: tensor<12xf32>) {
  // expected-error @+1 {{(C3) expected sizes that fit #tile.collective<reduce_scatter over "data" of 2 runs 4>}}
  %y = tile.exchange(%x) [#tile.collective<reduce_scatter over "data" of 2 runs 4>] : (tensor<12xf32>) -> tensor<6xf32>
  return
}

// -----

tile.kernel @k kind "pointwise" (%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %item: index) {
  tile.return
}
func.func @f(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{(C5) expected a dynamic map of 1 symbols, found affine_map<()[s0, s1] -> (s0, s1)>}}
  %y = tile.launch @k(%x) items 8 sizes [8] tied [-1] inplace [-1] dynamic affine_map<()[n, m] -> (n, m)> : (tensor<8xf32>) -> (tensor<8xf32>)
  return %y : tensor<8xf32>
}

// -----

tile.kernel @k kind "pointwise" (%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %item: index) {
  tile.return
}
func.func @f(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{(C5) expected a dynamic map that gives 8 items and the bytes of 1 results, found affine_map<()[s0] -> (s0, s0)>}}
  %y = tile.launch @k(%x) items 8 sizes [8] tied [-1] inplace [-1] dynamic affine_map<()[n] -> (n, n)> : (tensor<8xf32>) -> (tensor<8xf32>)
  return %y : tensor<8xf32>
}

// -----

tile.kernel @k kind "attention" (%x: memref<2x8x2x16xf32>, %l: memref<2x2x8xf32>, %b: index, %item: index) {
  %d = memref.reinterpret_cast %x to offset: [0], sizes: [2, 8, %b, 16], strides: [256, 32, 16, 1]
      : memref<2x8x2x16xf32> to memref<2x8x?x16xf32, strided<[256, 32, 16, 1]>>
  // expected-error @+1 {{(C3) expected a group, as numbers of heads are dynamic}}
  tile.attention query %d key %d value %d output %d logsumexp %l at [%item, %item, %item, %item, %item] view <1, 0, 1, 1> rows 8 strip 8 scale 1.0 {
  } : memref<2x8x?x16xf32, strided<[256, 32, 16, 1]>>, memref<2x8x?x16xf32, strided<[256, 32, 16, 1]>>, memref<2x8x?x16xf32, strided<[256, 32, 16, 1]>>,
      memref<2x8x?x16xf32, strided<[256, 32, 16, 1]>>, memref<2x2x8xf32>
  tile.return
}

// -----

// expected-error @+1 {{(C1) expected positive numbers of a schedule, found 0}}
module attributes {test.schedule = #tile.wgmma<groups 2, blocks 1, rows 128, stages 0>} {}

// -----

// expected-error @+1 {{(C1) expected positive numbers of a schedule, found -4}}
module attributes {test.schedule = #tile.mma_sync<warps -4, parts 2, rows 64, scores 32, stages 2, blocks 2>} {}

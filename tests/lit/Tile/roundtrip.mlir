// RUN: stc-opt %s | stc-opt | FileCheck %s
// RUN: stc-opt %s --mlir-print-op-generic | stc-opt | FileCheck %s

// CHECK-LABEL: func.func @launches(
// CHECK: tile.launch @twice(%{{.*}}) items 64 sizes [65536] tied [-1] inplace [0] work <flops 0, bytes 524288> : (tensor<65536xf32>) -> tensor<65536xf32>
// CHECK: tile.launch @fill(%{{.*}}, %{{.*}}) items 1 sizes [] tied [1] inplace [-1] : (tensor<8xi1>, tensor<4xf32>) -> tensor<4xf32>
// CHECK: tile.launch @nothing() items 0 sizes [] tied [] inplace [] : () -> ()
func.func @launches(%x: tensor<65536xf32>, %m: tensor<8xi1>, %v: tensor<4xf32>) -> (tensor<65536xf32>, tensor<4xf32>) {
  %y = tile.launch @twice(%x) items 64 sizes [65536] tied [-1] inplace [0] work <flops 0, bytes 524288>
      : (tensor<65536xf32>) -> (tensor<65536xf32>)
  %w = tile.launch @fill(%m, %v) items 1 sizes [] tied [1] inplace [-1] : (tensor<8xi1>, tensor<4xf32>) -> tensor<4xf32>
  tile.launch @nothing() items 0 sizes [] tied [] inplace [] : () -> ()
  return %y, %w : tensor<65536xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @exchange(
// CHECK: %{{.*}}:2 = tile.exchange(%{{.*}}, %{{.*}}) [#tile.collective<all_gather over "data" of 4 runs 1>, #tile.collective<reduce_scatter over "data" of 4 runs 1>] : (tensor<16x64xbf16>, tensor<64xf32>) -> (tensor<64x64xbf16>, tensor<16xf32>)
// CHECK: tile.exchange(%{{.*}}, %{{.*}}, %{{.*}}) [#tile.collective<all_slice over "data" of 4 runs 16>, #tile.collective<all_reduce over "data" of 4 runs 1>, #tile.collective<all_max over "data" of 4 runs 1>]
func.func @exchange(%a: tensor<16x64xbf16>, %b: tensor<64xf32>) {
  %w:2 = tile.exchange(%a, %b) [#tile.collective<all_gather over "data" of 4 runs 1>,
                                #tile.collective<reduce_scatter over "data" of 4 runs 1>]
      : (tensor<16x64xbf16>, tensor<64xf32>) -> (tensor<64x64xbf16>, tensor<16xf32>)
  %s:3 = tile.exchange(%a, %a, %b) [#tile.collective<all_slice over "data" of 4 runs 16>,
      #tile.collective<all_reduce over "data" of 4 runs 1>, #tile.collective<all_max over "data" of 4 runs 1>]
      : (tensor<16x64xbf16>, tensor<16x64xbf16>, tensor<64xf32>) -> (tensor<16x16xbf16>, tensor<16x64xbf16>, tensor<64xf32>)
  // CHECK: tile.exchange(%{{.*}}) [#tile.collective<all_to_all over "data" of 4 runs 2>] : (tensor<16x64xbf16>) -> tensor<16x64xbf16>
  %t = tile.exchange(%a) [#tile.collective<all_to_all over "data" of 4 runs 2>] : (tensor<16x64xbf16>) -> tensor<16x64xbf16>
  return
}

// CHECK: tile.kernel @twice kind "pointwise" (%{{.*}}: memref<?xf32>, %{{.*}}: memref<?xf32>, %{{.*}}: index, %{{.*}}: index) {
// CHECK: tile.return
tile.kernel @twice kind "pointwise" (%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %item: index) {
  tile.return
}

// Loads at the column, the column plus an offset, and a place outside the columns; sums and maxima.
// CHECK: tile.kernel @fill kind "rows"
// CHECK: %[[S:.*]] = tile.scratch : memref<128x32xf32>
// CHECK: %{{.*}}:2 = tile.sweep %[[C:.*]] = %{{.*}} to %{{.*}} -> (f32, f32) {
// CHECK: tile.combine sum %{{.*}}, max %{{.*}} : f32, f32
// CHECK-NEXT: }
// CHECK-NEXT: tile.sweep %{{.*}} = %{{.*}} to %{{.*}} {
// CHECK-NEXT: tile.combine
// CHECK-NEXT: } {test.mark}
tile.kernel @fill kind "rows" (%m: memref<8xi8>, %v: memref<4xf32>, %item: index) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %s = tile.scratch : memref<128x32xf32>
  %sums:2 = tile.sweep %c = %c0 to %c4 -> (f32, f32) {
    %e = memref.load %v[%c] : memref<4xf32>
    %d = arith.addi %c, %c4 : index
    %f = memref.load %s[%c0, %d] : memref<128x32xf32>
    %g = memref.load %v[%item] : memref<4xf32>
    %p = arith.mulf %f, %g : f32
    memref.store %p, %s[%c0, %d] : memref<128x32xf32>
    tile.combine sum %e, max %p : f32, f32
  }
  tile.sweep %c = %c0 to %c0 {
    tile.combine
  } {test.mark}
  tile.return
}

tile.kernel @nothing kind "none" (%item: index) {
  tile.return
}

// CHECK: tile.kernel @attention
// CHECK: tile.attention query %{{.*}} key %{{.*}} value %{{.*}} output %{{.*}} logsumexp %{{.*}} at[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] view <16, 0, 1, 16> rows 64 strip 32 scale 5.000000e-01 resume schedule #tile.wgmma<groups 1, blocks 2, rows 64, stages 3> {
// CHECK-NEXT: tile.walk view <16, 12, 4, 1> bounds {
// CHECK-NEXT: ^bb0(%[[R:.*]]: index, %[[T:.*]]: index):
// CHECK-NEXT: tile.yield %[[R]], %[[R]], %[[T]], %[[T]] : index, index, index, index
// CHECK-NEXT: } mask {
// CHECK-NEXT: ^bb0(%{{.*}}: index, %[[A:.*]]: index, %[[B:.*]]: index):
// CHECK-NEXT: %[[IN:.*]] = arith.cmpi sle, %[[B]], %[[A]] : index
// CHECK-NEXT: tile.yield %[[IN]] : i1
// CHECK: tile.walk view <16, 0, 1, 16> residue <3, 2> bounds {
// CHECK: tile.walk view <1, 0, 1, 1> ranges {
// CHECK-NEXT: ^bb0(%[[R:.*]]: index, %[[T:.*]]: index):
// CHECK-NEXT: %[[END:.*]] = tile.lookup %[[T]] of [0, -1, 7]
// CHECK-NEXT: tile.yield %[[R]], %[[END]], %[[T]] : index, index, index
// CHECK-NEXT: } bounds {
// CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: index, %[[M:.*]]: index):
// CHECK-NEXT: tile.yield %[[M]], %[[M]], %[[M]], %[[M]] : index, index, index, index
// CHECK-NEXT: } mask {
// CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index):
// CHECK: tile.attention_grad query {{.*}} output_grad {{.*}} query_grad {{.*}} key_grad {{.*}} value_grad {{.*}} at[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] view <1, 0, 1, 1> rows 32 strip 32 scale 1.000000e+00 {
// CHECK-NEXT: } :
// CHECK: tile.attention_grad {{.*}} at[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] head_step 2 view <1, 0, 1, 1> rows 32 strip 32 scale 1.000000e+00 resume_keys {
// CHECK: tile.attention_key_grad {{.*}} at[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] head_step 2 view <1, 0, 1, 1> rows 64 scale 1.000000e+00 {
// CHECK: tile.attention_row query {{.*}} at[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] views [#tile.view<1, 0, 1, 1>] scale 1.000000e+00 {
!x = memref<1x64x2x8xbf16, strided<[3072, 48, 8, 1], offset: 16>>
!r = memref<1x1x2x8xbf16>
// Two heads of queries share one of keys.
!k = memref<1x64x1x8xbf16>
tile.kernel @attention kind "attention" (%whole: memref<1x64x48xbf16>, %k: !k, %l: memref<1x2x64xf32>, %q: !r, %i: index) {
  %x = memref.reinterpret_cast %whole to offset: [16], sizes: [1, 64, 2, 8], strides: [3072, 48, 8, 1] : memref<1x64x48xbf16> to !x
  tile.attention query %x key %x value %x output %x logsumexp %l at [%i, %i, %i, %i, %i] view <16, 0, 1, 16> rows 64 strip 32
      scale 0.5 resume schedule #tile.wgmma<groups 1, blocks 2, rows 64, stages 3> {
    tile.walk view <16, 12, 4, 1> bounds {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
    tile.walk view <16, 0, 1, 16> residue <3, 2> bounds {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
    tile.walk view <1, 0, 1, 1> ranges {
    ^bb0(%r: index, %t: index):
      %end = tile.lookup %t of [0, -1, 7]
      tile.yield %r, %end, %t : index, index, index
    } bounds {
    ^bb0(%r: index, %t: index, %m: index):
      tile.yield %m, %m, %m, %m : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index, %m: index):
      %in = arith.cmpi sle, %b, %m : index
      tile.yield %in : i1
    }
  } : !x, !x, !x, !x, memref<1x2x64xf32>
  tile.attention_grad query %x key %x value %x output %x logsumexp %l output_grad %x query_grad %x key_grad %x value_grad %x
      at [%i, %i, %i, %i] view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 {
  } : !x, !x, !x, !x, memref<1x2x64xf32>, !x, !x, !x, !x
  tile.attention_grad query %x key %k value %k output %x logsumexp %l output_grad %x query_grad %x key_grad %k value_grad %k
      at [%i, %i, %i, %i] head_step 2 view <1, 0, 1, 1> rows 32 strip 32 scale 1.0 resume_keys {
  } : !x, !k, !k, !x, memref<1x2x64xf32>, !x, !x, !k, !k
  tile.attention_key_grad query %x key %k value %k output_grad %x logsumexp %l delta %l key_grad %k value_grad %k query_sum %x begin
      at [%i, %i, %i, %i, %i] head_step 2 view <1, 0, 1, 1> rows 64 scale 1.0 {
  } : !x, !k, !k, !x, memref<1x2x64xf32>, memref<1x2x64xf32>, !k, !k, !x
  tile.attention_key_grad query %x key %k value %k output_grad %x logsumexp %l delta %l key_grad %k value_grad %k
      at [%i, %i, %i, %i, %i] view <16, 0, 1, 8, 2 x 4> rows 64 scale 1.0 resume {
  } : !x, !k, !k, !x, memref<1x2x64xf32>, memref<1x2x64xf32>, !k, !k
  tile.attention_query_grad query %x key %k value %k output_grad %x logsumexp %l delta %l query_grad %x
      at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 64 scale 1.0 resume {
  } : !x, !k, !k, !x, memref<1x2x64xf32>, memref<1x2x64xf32>, !x
  tile.attention_delta output %x output_grad %x delta %l query_sum %x at [%i] rows 64 : !x, !x, memref<1x2x64xf32>, !x
  tile.attention_delta output %x output_grad %x delta %l at [%i] rows 64 : !x, !x, memref<1x2x64xf32>
  tile.attention_query_sum query_sum %x query_grad %x at [%i] rows 64 scale 1.0 : !x, !x
  tile.attention_row query %q key %x value %x output %q at [%i, %i, %i, %i, %i] views [#tile.view<1, 0, 1, 1>] scale 1.0 {
    tile.walk view <1, 0, 1, 1> bounds {
    ^bb0(%r: index, %t: index):
      tile.yield %r, %r, %t, %t : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
  } : !r, !x, !x, !r
  // CHECK: tile.attention_row {{.*}} output %{{.*}} insert %{{.*}}, %{{.*}} at[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] head_step 2 views [] scale 1.000000e+00 invariant short_kv {
  tile.attention_row query %q key %x value %x output %q insert %q, %q at [%i, %i, %i, %i, %i] head_step 2 views [] scale 1.0 invariant short_kv {
  } : !r, !x, !x, !r, !r, !r
  tile.return
}

// CHECK-LABEL: tile.kernel @row_product
tile.kernel @row_product kind "product" (%lhs: memref<?x256xf32>, %narrow: memref<?x256xf16>, %w: memref<512x256xf32>, %v: memref<512x256xf16>, %y: memref<?x512xf32>, %item: index) {
  %c0 = arith.constant 0 : index
  %c256 = arith.constant 256 : index
  // CHECK: tile.row_product rows %{{.*}} of 64 columns %{{.*}} width 16 by %{{.*}} : memref<512x256xf32> before {
  // CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: memref<256xbf16>):
  // CHECK: } after {
  // CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: index, %{{.*}}: f32):
  tile.row_product rows %item of 64 columns %c0 width 16 by %w : memref<512x256xf32> before {
  ^bb0(%row: index, %to: memref<256xbf16>):
    tile.sweep %k = %c0 to %c256 {
      %x = memref.load %lhs[%row, %k] : memref<?x256xf32>
      %small = arith.truncf %x : f32 to bf16
      memref.store %small, %to[%k] : memref<256xbf16>
      tile.combine
    }
    tile.return
  } after {
  ^bb0(%row: index, %column: index, %sum: f32):
    memref.store %sum, %y[%row, %column] : memref<?x512xf32>
    tile.return
  }
  // CHECK: tile.row_product rows %{{.*}} of 64 columns %{{.*}} width 8 of %{{.*}} : memref<?x256xf16> by invariant %{{.*}} : memref<512x256xf16> after {
  tile.row_product rows %item of 64 columns %c0 width 8 of %narrow : memref<?x256xf16> by invariant %v : memref<512x256xf16> after {
  ^bb0(%row: index, %column: index, %sum: f32):
    memref.store %sum, %y[%row, %column] : memref<?x512xf32>
    tile.return
  }
  tile.return
}

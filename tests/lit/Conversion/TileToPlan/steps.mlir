// RUN: stc-opt %s --convert-tile-to-plan --split-input-file | FileCheck %s

// An update of a variable in its place, by a kernel whose buffers are one; the gradient of zeros.
// CHECK: plan.arena 516
// CHECK: plan.variable parameter @w at 0 : tensor<64xf32>
stc.variable parameter @w : tensor<64xf32>
// CHECK: plan.entry @step inputs ["x" = 256 : tensor<64xf32>] outputs ["sum" = 512 : tensor<f32>] peak 516 {
// CHECK-NEXT: plan.launch @update_inplace_0 items 1 sizes [64] (0 : tensor<64xf32>, 256 : tensor<64xf32>)
// CHECK-NEXT: plan.zero 512 bytes 4
// CHECK-NEXT: plan.launch @add items 1 sizes [] (0 : tensor<64xf32>, 512 : tensor<f32>)
// CHECK-NEXT: }
func.func @step(%x: tensor<64xf32> {stc.name = "x"}) -> (tensor<f32> {stc.name = "sum"}) {
  %w = stc.read @w : tensor<64xf32>
  %dead = tile.launch @update(%w, %x) items 1 sizes [64] tied [-1] inplace [0]
      : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %new = tile.launch @update(%w, %x) items 1 sizes [64] tied [-1] inplace [0]
      : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  stc.write @w, %new : tensor<64xf32>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %again = stc.read @w : tensor<64xf32>
  %sum = tile.launch @add(%again, %zero) items 1 sizes [] tied [1] inplace [-1]
      : (tensor<64xf32>, tensor<f32>) -> tensor<f32>
  return %sum : tensor<f32>
}
// CHECK-NOT: @update kind
// CHECK: tile.kernel @update_inplace_0 kind "optimizer" (%[[W:.*]]: memref<?xf32>, %{{.*}}: memref<?xf32>, %{{.*}}: index, %[[I:.*]]: index) {
// CHECK-NEXT: memref.load %[[W]][%[[I]]]
// CHECK-NEXT: memref.store %{{.*}}, %[[W]][%[[I]]]
tile.kernel @update kind "optimizer" (%w: memref<?xf32>, %x: memref<?xf32>, %new: memref<?xf32>, %n: index, %item: index) {
  %0 = memref.load %w[%item] : memref<?xf32>
  memref.store %0, %new[%item] : memref<?xf32>
  tile.return
}
// CHECK: tile.kernel @add
tile.kernel @add kind "reduce" (%x: memref<?xf32>, %sum: memref<f32>, %item: index) {
  tile.return
}
// CHECK-NOT: tile.kernel @unused
tile.kernel @unused kind "reduce" (%x: memref<?xf32>, %item: index) {
  tile.return
}

// -----

// A product over a batch that shares the right side is one product; names have numbers by default.
// CHECK: plan.entry @products inputs ["arg0" = 0 : tensor<2x8x16xf32>, "arg1" = [[A1:.*]] : tensor<4x16xf32>, "arg2" = [[A2:.*]] : tensor<2x16x4xf32>]
// CHECK-SAME: outputs ["result0" = [[C:.*]] : tensor<2x8x4xf32>, "result1" = [[D:.*]] : tensor<2x8x4xf32>, "result2" = [[E:.*]] : tensor<16x16xf64>]
// CHECK-NEXT: plan.gemm f32 m 16 n 4 k 16 a <0, row 16, batch 0> b <[[A1]], row 16, batch 0> transpose_b c <[[C]], row 4, batch 0>
// CHECK-NEXT: plan.gemm f32 m 8 n 4 k 16 batch 2 a <0, row 16, batch 128> b <[[A2]], row 4, batch 64> c <[[D]], row 4, batch 32>
// CHECK-NEXT: plan.zero [[Z:.*]] bytes 1024
// CHECK-NEXT: plan.zero [[Y:.*]] bytes 1024
// CHECK-NEXT: plan.gemm f64 m 16 n 16 k 8 a <[[Z]], row 16, batch 0> transpose_a b <[[Y]], row 16, batch 0> c <[[E]], row 16, batch 0>
func.func @products(%a: tensor<2x8x16xf32>, %b: tensor<4x16xf32>, %c: tensor<2x16x4xf32>)
    -> (tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<16x16xf64>) {
  %0 = stc.matmul %a, %b transpose_rhs : tensor<2x8x16xf32>, tensor<4x16xf32> -> tensor<2x8x4xf32>
  %1 = stc.matmul %a, %c : tensor<2x8x16xf32>, tensor<2x16x4xf32> -> tensor<2x8x4xf32>
  %z = arith.constant dense<0.0> : tensor<8x16xf64>
  %2 = stc.matmul %z, %z transpose_lhs : tensor<8x16xf64>, tensor<8x16xf64> -> tensor<16x16xf64>
  return %0, %1, %2 : tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<16x16xf64>
}

// -----

// The old value is returned, an argument is written: two copies. A reshape costs nothing.
// CHECK: plan.entry @exchange inputs ["arg0" = 512 : tensor<8x16xf32>] outputs ["result0" = [[OLD:.*]] : tensor<128xf32>, "result1" = 512 : tensor<128xf32>]
// CHECK-NEXT: plan.copy 0 to [[OLD]] bytes 512
// CHECK-NEXT: plan.copy 512 to 0 bytes 512
// CHECK-NEXT: }
stc.variable counter @v : tensor<128xf32>
func.func @exchange(%x: tensor<8x16xf32>) -> (tensor<128xf32>, tensor<128xf32>) {
  %old = stc.read @v : tensor<128xf32>
  %flat = stc.reshape %x : tensor<8x16xf32> to tensor<128xf32>
  stc.write @v, %flat : tensor<128xf32>
  return %old, %flat : tensor<128xf32>, tensor<128xf32>
}

// -----

// Products of narrow floats are as others.
// CHECK: plan.entry @narrow
// CHECK-NEXT: plan.gemm bf16 m 8 n 4 k 16 a <{{.*}}, row 8, batch 0> transpose_a b <{{.*}}, row 4, batch 0> c <{{.*}}, row 4, batch 0>
func.func @narrow(%a: tensor<16x8xbf16>, %b: tensor<16x4xbf16>) -> tensor<8x4xbf16> {
  %0 = stc.matmul %a, %b transpose_lhs : tensor<16x8xbf16>, tensor<16x4xbf16> -> tensor<8x4xbf16>
  return %0 : tensor<8x4xbf16>
}

// -----

// Private functions and declarations are no entries.
// CHECK: plan.arena 0
// CHECK-NEXT: plan.entry @nothing inputs [] outputs [] peak 0 {
// CHECK-NEXT: }
// CHECK-NOT: func
func.func private @helper()
func.func @nothing() { return }

// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --split-input-file | FileCheck %s

// An item is 16 rows and 8 columns. The norm of a row is the region before; the region after takes the sum in
// f32, though the product is bf16.
// CHECK-LABEL: func.func @normed(
// CHECK: tile.launch @product_reduce_mulf_truncf_then_extf_addf(%{{.*}}) items 8 sizes []
// CHECK-SAME: work <flops 81920, bytes 18560>
// CHECK-LABEL: tile.kernel @product_reduce_mulf_truncf_then_extf_addf kind "product"
// CHECK-SAME: (%[[X:.*]]: memref<?x64xf32>, %[[W:.*]]: memref<32x64xf32>, %[[R:.*]]: memref<?x32xf32>, %[[B:.*]]: memref<32xf32>, %[[Y:.*]]: memref<?x32xf32>, %[[ITEM:.*]]: index)
// CHECK: %[[C4:.*]] = arith.constant 4 : index
// CHECK: %[[TILE:.*]] = arith.divui %[[ITEM]], %[[C4]]
// CHECK: %[[ROW:.*]] = arith.muli %[[TILE]], %c16
// CHECK: %[[SLICE:.*]] = arith.remui %[[ITEM]], %[[C4]]
// CHECK: %[[COLUMN:.*]] = arith.muli %[[SLICE]], %c8
// CHECK: tile.row_product rows %[[ROW]] of 20 columns %[[COLUMN]] width 8 by invariant %[[W]] : memref<32x64xf32> before {
// CHECK-NEXT: ^bb0(%[[I:.*]]: index, %[[TO:.*]]: memref<64xbf16>):
// CHECK: %[[SUM:.*]] = tile.sweep %[[K:.*]] = %{{.*}} to %{{.*}} -> (f32) {
// CHECK: memref.load %[[X]][%[[I]], %[[K]]]
// CHECK: tile.combine sum
// CHECK: tile.sweep %[[K:.*]] = %{{.*}} to %{{.*}} {
// CHECK: arith.truncf
// CHECK: memref.store %{{.*}}, %[[TO]][%[[K]]]
// CHECK: tile.return
// CHECK-NEXT: } after {
// CHECK-NEXT: ^bb0(%[[I:.*]]: index, %[[J:.*]]: index, %[[P:.*]]: f32):
// CHECK-NOT: arith.extf
// CHECK-DAG: memref.load %[[R]][%[[I]], %[[J]]]
// CHECK-DAG: memref.load %[[B]][%[[J]]]
// CHECK: memref.store %{{.*}}, %[[Y]][%[[I]], %[[J]]]
// CHECK-NEXT: tile.return
func.func @normed(%x: tensor<20x64xf32>, %w: tensor<32x64xf32>, %r: tensor<20x32xf32>, %bias: tensor<32xf32>) -> tensor<20x32xf32> {
  %y = stc.fused_product (%a = %x : tensor<20x64xf32>, %b = %w : tensor<32x64xf32>, %c = %r : tensor<20x32xf32>, %d = %bias : tensor<32xf32>) -> (tensor<20x32xf32>) {
    %lhs = stc.fused space [20, 64] (%e = %a : tensor<20x64xf32>) -> (tensor<20x64xbf16>) {
      %sum = stc.reduce sum %e dims [1] : tensor<20x64xf32> to tensor<20xf32>
      %sums = stc.broadcast %sum dims [0] : tensor<20xf32> to tensor<20x64xf32>
      %scaled = arith.mulf %e, %sums : tensor<20x64xf32>
      %narrow = arith.truncf %scaled : tensor<20x64xf32> to tensor<20x64xbf16>
      stc.yield %narrow : tensor<20x64xbf16>
    }
    %rhs = arith.truncf %b : tensor<32x64xf32> to tensor<32x64xbf16>
    %product = stc.matmul %lhs, %rhs transpose_rhs : tensor<20x64xbf16>, tensor<32x64xbf16> -> tensor<20x32xbf16>
    %result = stc.fused space [20, 32] (%e = %product : tensor<20x32xbf16>, %f = %c : tensor<20x32xf32>, %g = %d : tensor<32xf32>) -> (tensor<20x32xf32>) {
      %wide = arith.extf %e : tensor<20x32xbf16> to tensor<20x32xf32>
      %biases = stc.broadcast %g dims [1] : tensor<32xf32> to tensor<20x32xf32>
      %biased = arith.addf %wide, %biases : tensor<20x32xf32>
      %all = arith.addf %biased, %f : tensor<20x32xf32>
      stc.yield %all : tensor<20x32xf32>
    }
    stc.yield %result : tensor<20x32xf32>
  }
  return %y : tensor<20x32xf32>
}

// -----

// One row, and a left operand and weights as they are. Columns are columns, though nothing tells them from rows.
// CHECK-LABEL: func.func @plain(
// CHECK: tile.launch @product_then(%{{.*}}) items 1 sizes []
// CHECK-LABEL: tile.kernel @product_then kind "product"
// CHECK-SAME: (%[[X:.*]]: memref<?x40xf16>, %[[W:.*]]: memref<1x40xf16>, %[[Y:.*]]: memref<?xf16>, %{{.*}}: index)
// CHECK: tile.row_product rows %{{.*}} of 1 columns %{{.*}} width 8 of %[[X]] : memref<?x40xf16> by invariant %[[W]] : memref<1x40xf16> after {
// CHECK-NEXT: ^bb0(%{{.*}}: index, %[[J:.*]]: index, %[[P:.*]]: f32):
// CHECK-NEXT: %[[N:.*]] = arith.truncf %[[P]] : f32 to f16
// CHECK-NEXT: memref.store %[[N]], %[[Y]][%[[J]]]
func.func @plain(%x: tensor<1x40xf16>, %w: tensor<1x40xf16>) -> tensor<1x1xf16> {
  %y = stc.fused_product (%a = %x : tensor<1x40xf16>, %b = %w : tensor<1x40xf16>) -> (tensor<1x1xf16>) {
    %product = stc.matmul %a, %b transpose_rhs : tensor<1x40xf16>, tensor<1x40xf16> -> tensor<1x1xf16>
    %result = stc.fused space [1, 1] (%c = %product : tensor<1x1xf16>) -> (tensor<1x1xf16>) {
      stc.yield %c : tensor<1x1xf16>
    }
    stc.yield %result : tensor<1x1xf16>
  }
  return %y : tensor<1x1xf16>
}

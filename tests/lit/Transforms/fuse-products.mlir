// RUN: stc-opt %s --stc-fuse-products --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @project(
// CHECK-SAME: %[[X:.*]]: tensor<8x64xf32>, %[[W:.*]]: tensor<32x64xf32>, %[[BIAS:.*]]: tensor<32xf32>)
// CHECK-NEXT: %[[Y:.*]] = stc.fused_product (%[[A:.*]] = %[[X]] : tensor<8x64xf32>, %[[B:.*]] = %[[W]] : tensor<32x64xf32>, %[[C:.*]] = %[[BIAS]] : tensor<32xf32>) -> (tensor<8x32xf32>) {
// CHECK-NEXT: %[[LHS:.*]] = stc.fused space [8, 64] (%{{.*}} = %[[A]] : tensor<8x64xf32>) -> (tensor<8x64xbf16>) {
// CHECK-NEXT: arith.truncf
// CHECK-NEXT: stc.yield
// CHECK-NEXT: }
// CHECK-NEXT: %[[RHS:.*]] = arith.truncf %[[B]] : tensor<32x64xf32> to tensor<32x64xbf16>
// CHECK-NEXT: %[[PRODUCT:.*]] = stc.matmul %[[LHS]], %[[RHS]] transpose_rhs
// CHECK-NEXT: %[[RESULT:.*]] = stc.fused space [8, 32] (%[[D:.*]] = %[[PRODUCT]] : tensor<8x32xbf16>, %[[E:.*]] = %[[C]] : tensor<32xf32>) -> (tensor<8x32xf32>) {
// CHECK-DAG: arith.extf %[[D]]
// CHECK-DAG: stc.broadcast %[[E]] dims [1]
// CHECK: arith.addf
// CHECK-NEXT: stc.yield
// CHECK-NEXT: }
// CHECK-NEXT: stc.yield %[[RESULT]]
// CHECK-NEXT: }
// CHECK-NEXT: return %[[Y]]
func.func @project(%x: tensor<8x64xf32>, %w: tensor<32x64xf32>, %bias: tensor<32xf32>) -> tensor<8x32xf32> {
  %lhs = arith.truncf %x : tensor<8x64xf32> to tensor<8x64xbf16>
  %rhs = arith.truncf %w : tensor<32x64xf32> to tensor<32x64xbf16>
  %product = stc.matmul %lhs, %rhs transpose_rhs : tensor<8x64xbf16>, tensor<32x64xbf16> -> tensor<8x32xbf16>
  %wide = arith.extf %product : tensor<8x32xbf16> to tensor<8x32xf32>
  %biases = stc.broadcast %bias dims [1] : tensor<32xf32> to tensor<8x32xf32>
  %sum = arith.addf %wide, %biases : tensor<8x32xf32>
  return %sum : tensor<8x32xf32>
}

// -----

// The residual stream is a result of the product that it is the sum of; its norm is before the next
// one, and its rows are summed up there.
// CHECK-LABEL: func.func @stream(
// CHECK-SAME: %[[X:.*]]: tensor<4x1x64xf32>, %[[A:.*]]: tensor<4x1x2x32xf32>, %[[W:.*]]: tensor<64x64xf32>, %[[V:.*]]: tensor<16x64xf32>)
// CHECK-NEXT: %[[R:.*]] = stc.reshape %[[A]] : tensor<4x1x2x32xf32> to tensor<4x1x64xf32>
// CHECK-NEXT: %[[Y:.*]] = stc.fused_product (%{{.*}} = %[[R]] : tensor<4x1x64xf32>, %{{.*}} = %[[W]] : tensor<64x64xf32>, %{{.*}} = %[[X]] : tensor<4x1x64xf32>) -> (tensor<4x1x64xf32>) {
// CHECK-NOT: stc.reduce
// CHECK: stc.matmul
// CHECK-NOT: stc.reduce
// CHECK: arith.addf
// CHECK: %[[Z:.*]] = stc.fused_product (%{{.*}} = %[[Y]] : tensor<4x1x64xf32>, %{{.*}} = %[[V]] : tensor<16x64xf32>) -> (tensor<4x1x16xbf16>) {
// CHECK: stc.reduce sum
// CHECK: stc.matmul
// CHECK: stc.fused space [4, 1, 16] (%[[P:.*]] = %{{.*}} : tensor<4x1x16xbf16>) -> (tensor<4x1x16xbf16>) {
// CHECK-NEXT: stc.yield %[[P]]
// CHECK: return %[[Y]], %[[Z]]
func.func @stream(%x: tensor<4x1x64xf32>, %a: tensor<4x1x2x32xf32>, %w: tensor<64x64xf32>, %v: tensor<16x64xf32>)
    -> (tensor<4x1x64xf32>, tensor<4x1x16xbf16>) {
  %narrow = arith.truncf %a : tensor<4x1x2x32xf32> to tensor<4x1x2x32xbf16>
  %lhs = stc.reshape %narrow : tensor<4x1x2x32xbf16> to tensor<4x1x64xbf16>
  %rhs = arith.truncf %w : tensor<64x64xf32> to tensor<64x64xbf16>
  %product = stc.matmul %lhs, %rhs transpose_rhs : tensor<4x1x64xbf16>, tensor<64x64xbf16> -> tensor<4x1x64xbf16>
  %wide = arith.extf %product : tensor<4x1x64xbf16> to tensor<4x1x64xf32>
  %y = arith.addf %x, %wide : tensor<4x1x64xf32>
  %sum = stc.reduce sum %y dims [2] : tensor<4x1x64xf32> to tensor<4x1xf32>
  %sums = stc.broadcast %sum dims [0, 1] : tensor<4x1xf32> to tensor<4x1x64xf32>
  %centered = arith.subf %y, %sums : tensor<4x1x64xf32>
  %normed = arith.truncf %centered : tensor<4x1x64xf32> to tensor<4x1x64xbf16>
  %next = arith.truncf %v : tensor<16x64xf32> to tensor<16x64xbf16>
  %z = stc.matmul %normed, %next transpose_rhs : tensor<4x1x64xbf16>, tensor<16x64xbf16> -> tensor<4x1x16xbf16>
  return %y, %z : tensor<4x1x64xf32>, tensor<4x1x16xbf16>
}

// -----

// What a gate multiplies has been stored by its own product.
// CHECK-LABEL: func.func @gate(
// CHECK: %[[U:.*]] = stc.fused_product {{.*}} -> (tensor<4x16xbf16>) {
// CHECK: stc.fused_product {{.*}}%[[U]] : tensor<4x16xbf16>{{.*}} -> (tensor<4x16xf32>) {
// CHECK: arith.mulf
// CHECK-NOT: stc.matmul
// CHECK: return
func.func @gate(%x: tensor<4x64xbf16>, %w: tensor<16x64xbf16>, %v: tensor<16x64xbf16>) -> tensor<4x16xf32> {
  %a = stc.matmul %x, %w transpose_rhs : tensor<4x64xbf16>, tensor<16x64xbf16> -> tensor<4x16xbf16>
  %b = stc.matmul %x, %v transpose_rhs : tensor<4x64xbf16>, tensor<16x64xbf16> -> tensor<4x16xbf16>
  %c = arith.extf %a : tensor<4x16xbf16> to tensor<4x16xf32>
  %d = arith.extf %b : tensor<4x16xbf16> to tensor<4x16xf32>
  %e = arith.mulf %c, %d : tensor<4x16xf32>
  return %e : tensor<4x16xf32>
}

// -----

// Something else needs the left operand, and another op the narrow weights: both stand in memory.
// CHECK-LABEL: func.func @shared(
// CHECK: %[[LHS:.*]] = arith.truncf
// CHECK: %[[RHS:.*]] = arith.truncf
// CHECK: stc.fused_product (%{{.*}} = %[[LHS]] : tensor<8x64xbf16>, %{{.*}} = %[[RHS]] : tensor<32x64xbf16>)
// CHECK-NEXT: stc.matmul
func.func @shared(%x: tensor<8x64xf32>, %w: tensor<32x64xf32>) -> (tensor<8x32xbf16>, tensor<8x64xbf16>, tensor<32x64xbf16>) {
  %lhs = arith.truncf %x : tensor<8x64xf32> to tensor<8x64xbf16>
  %rhs = arith.truncf %w : tensor<32x64xf32> to tensor<32x64xbf16>
  %product = stc.matmul %lhs, %rhs transpose_rhs : tensor<8x64xbf16>, tensor<32x64xbf16> -> tensor<8x32xbf16>
  return %product, %lhs, %rhs : tensor<8x32xbf16>, tensor<8x64xbf16>, tensor<32x64xbf16>
}

// -----

// Results are taken until an op needs a whole row of them, or a random number.
// CHECK-LABEL: func.func @until(
// CHECK: %[[P:.*]]:2 = stc.fused_product {{.*}} -> (tensor<8x32xbf16>, tensor<8x32xf32>) {
// CHECK: stc.reduce sum %[[P]]#1 dims [1]
// CHECK: arith.mulf %[[P]]#1
func.func @until(%x: tensor<8x64xbf16>, %w: tensor<32x64xbf16>) -> (tensor<8xf32>, tensor<8x32xf32>, tensor<8x32xbf16>) {
  %product = stc.matmul %x, %w transpose_rhs : tensor<8x64xbf16>, tensor<32x64xbf16> -> tensor<8x32xbf16>
  %wide = arith.extf %product : tensor<8x32xbf16> to tensor<8x32xf32>
  %sum = stc.reduce sum %wide dims [1] : tensor<8x32xf32> to tensor<8xf32>
  %square = arith.mulf %wide, %wide : tensor<8x32xf32>
  return %sum, %square, %product : tensor<8xf32>, tensor<8x32xf32>, tensor<8x32xbf16>
}

// -----

// Many rows, weights that lie the other way, and float32 are the library's.
// CHECK-LABEL: func.func @others(
// CHECK-NOT: stc.fused_product
// CHECK: return
func.func @others(%x: tensor<129x64xbf16>, %y: tensor<8x64xbf16>, %z: tensor<8x64xf32>, %w: tensor<32x64xbf16>, %v: tensor<64x32xbf16>,
    %u: tensor<32x64xf32>) -> (tensor<129x32xbf16>, tensor<8x32xbf16>, tensor<8x32xf32>) {
  %a = stc.matmul %x, %w transpose_rhs : tensor<129x64xbf16>, tensor<32x64xbf16> -> tensor<129x32xbf16>
  %b = stc.matmul %y, %v : tensor<8x64xbf16>, tensor<64x32xbf16> -> tensor<8x32xbf16>
  %c = stc.matmul %z, %u transpose_rhs : tensor<8x64xf32>, tensor<32x64xf32> -> tensor<8x32xf32>
  return %a, %b, %c : tensor<129x32xbf16>, tensor<8x32xbf16>, tensor<8x32xf32>
}

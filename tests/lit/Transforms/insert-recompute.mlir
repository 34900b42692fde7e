// DEFINE: %{passes} = stc-differentiate,canonicalize,stc-insert-recompute
// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(%{passes}{policy=none}))' | FileCheck %s --check-prefixes=NONE,MARKS
// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(%{passes}{policy=block}))' | FileCheck %s --check-prefixes=BLOCK,MARKS
// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(%{passes}{policy=cheapest drop=1}))' | FileCheck %s --check-prefixes=CHEAPEST,MARKS
// RUN: not stc-opt %s --pass-pipeline='builtin.module(func.func(%{passes}{policy=cheapest drop=-1}))' 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not stc-opt %s --pass-pipeline='builtin.module(func.func(%{passes}{policy=some}))' 2>&1 | FileCheck %s --check-prefix=POLICY

// NEGATIVE: error: expected a number of values to drop of at least 0, found -1
// POLICY: error: expected the recomputation policy none, block or cheapest, found some
// MARKS-NOT: stc.block
// MARKS-NOT: stc.backward

// Two blocks y = tanh(x w) wT. The backward pass starts at the product with the constant of ones, which
// canonicalization has moved to the start.
!x = tensor<64x8xf32>
!h = tensor<64x64xf32>
!w = tensor<8x64xf32>

// NONE-LABEL: func.func @two_blocks(
// NONE-COUNT-2: math.tanh
// NONE-NOT: math.tanh
// NONE: return

// What goes from block to block is kept, all else computed again just before it is needed.
// BLOCK-LABEL: func.func @two_blocks(
// BLOCK-SAME: %[[X:.*]]: tensor<64x8xf32>, %[[W:.*]]: tensor<8x64xf32>)
// BLOCK: %[[ONES:.*]] = arith.constant
// BLOCK: math.tanh
// BLOCK: %[[Y0:.*]] = stc.matmul
// BLOCK: %[[H1:.*]] = stc.matmul %[[Y0]], %[[W]]
// BLOCK: math.tanh %[[H1]]
// BLOCK: stc.matmul %[[ONES]], %[[W]]
// BLOCK: %[[H1AGAIN:.*]] = stc.matmul %[[Y0]], %[[W]]
// BLOCK-NEXT: %[[T1:.*]] = math.tanh %[[H1AGAIN]]
// BLOCK-NEXT: stc.matmul %[[ONES]], %[[T1]] transpose_lhs
// BLOCK: stc.matmul %[[Y0]], %{{.*}} transpose_lhs
// BLOCK: %[[H0AGAIN:.*]] = stc.matmul %[[X]], %[[W]]
// BLOCK-NEXT: %[[T0:.*]] = math.tanh %[[H0AGAIN]]
// BLOCK-NEXT: stc.matmul %{{.*}}, %[[T0]] transpose_lhs
// BLOCK-NOT: math.tanh
// BLOCK: return

// Only the first block is computed again.
// CHEAPEST-LABEL: func.func @two_blocks(
// CHEAPEST: %[[T0:.*]] = math.tanh
// CHEAPEST: %[[T1:.*]] = math.tanh
// CHEAPEST: stc.matmul %{{.*}}, %[[T1]] transpose_lhs
// CHEAPEST: %[[T0AGAIN:.*]] = math.tanh
// CHEAPEST-NEXT: stc.matmul %{{.*}}, %[[T0AGAIN]] transpose_lhs
// CHEAPEST-NOT: math.tanh
// CHEAPEST: return
func.func @two_blocks(%x: !x, %w: !w) -> !w {
  %h0 = stc.matmul %x, %w {stc.block = 0} : !x, !w -> !h
  %t0 = math.tanh %h0 {stc.block = 0} : !h
  %y0 = stc.matmul %t0, %w transpose_rhs {stc.block = 0} : !h, !w -> !x
  %h1 = stc.matmul %y0, %w {stc.block = 1} : !x, !w -> !h
  %t1 = math.tanh %h1 {stc.block = 1} : !h
  %y1 = stc.matmul %t1, %w transpose_rhs {stc.block = 1} : !h, !w -> !x
  %loss = stc.reduce sum %y1 dims [0, 1] : !x to tensor<f32>
  %d = stc.gradient %loss wrt %w : (tensor<f32>) wrt (!w) -> !w
  return %d : !w
}

// The dropped value is computed again. Its mask need not be: a kernel makes the random numbers on the way.
// BLOCK-LABEL: func.func @dropout(
// BLOCK-SAME: %[[X:.*]]: tensor<8x8xf32>, %[[SEED:.*]]: tensor<i64>, %[[STEP:.*]]: tensor<i64>)
// BLOCK: %[[U:.*]] = stc.random uniform seed %[[SEED]] step %[[STEP]] stream 5
// BLOCK: %[[KEEP:.*]] = arith.cmpf oge, %[[U]]
// BLOCK: %[[Y:.*]] = arith.select %[[KEEP]], %[[X]]
// BLOCK: stc.matmul %[[Y]], %[[Y]]
// BLOCK: %[[AGAIN:.*]] = arith.select %[[KEEP]], %[[X]]
// BLOCK: stc.matmul %[[AGAIN]]
// BLOCK-NOT: stc.random
// BLOCK: return
func.func @dropout(%x: tensor<8x8xf32>, %seed: tensor<i64>, %step: tensor<i64>) -> (tensor<f32>, tensor<8x8xf32>) {
  %u = stc.random uniform seed %seed step %step stream 5 {stc.block = 0} : tensor<8x8xf32>
  %half = arith.constant dense<0.5> : tensor<8x8xf32>
  %keep = arith.cmpf oge, %u, %half {stc.block = 0} : tensor<8x8xf32>
  %zero = arith.constant dense<0.0> : tensor<8x8xf32>
  %y = arith.select %keep, %x, %zero {stc.block = 0} : tensor<8x8xi1>, tensor<8x8xf32>
  %z = stc.matmul %y, %y transpose_lhs {stc.block = 0} : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %loss = stc.reduce sum %z dims [0, 1] : tensor<8x8xf32> to tensor<f32>
  %d = stc.gradient %loss wrt %x : (tensor<f32>) wrt (tensor<8x8xf32>) -> tensor<8x8xf32>
  return %loss, %d : tensor<f32>, tensor<8x8xf32>
}

// No backward pass, no body: nothing to do.
// BLOCK-LABEL: func.func @forward(
// BLOCK-NEXT: math.tanh
// BLOCK-NEXT: return
func.func @forward(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = math.tanh %x {stc.block = 0} : tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func private @declared(tensor<4xf32>)

// Values that are no tensors count for nothing.
// CHEAPEST-LABEL: func.func @other_values(
func.func @other_values(%x: tensor<8x8xf32>, %s: f32, %c: i1) -> (tensor<8x8xf32>, f32) {
  %t = arith.mulf %s, %s : f32
  %h = stc.matmul %x, %x : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %y = arith.select %c, %h, %x : tensor<8x8xf32>
  %z = stc.matmul %y, %y : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %d = stc.gradient %z seed %x wrt %x : (tensor<8x8xf32>) seed (tensor<8x8xf32>) wrt (tensor<8x8xf32>) -> tensor<8x8xf32>
  return %d, %t : tensor<8x8xf32>, f32
}

// RUN: stc-opt %s --stc-differentiate --canonicalize --split-input-file | FileCheck %s

// A value with two uses gets the sum of two gradients; without a seed it is one.
// CHECK-LABEL: func.func @sum(
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>, %[[W:.*]]: tensor<4xf32>)
// CHECK-NEXT: %[[DW:.*]] = arith.mulf %[[X]], %[[X]] : tensor<4xf32>
// CHECK-NEXT: %[[L:.*]] = arith.mulf %[[W]], %[[X]] {stc.backward}
// CHECK-NEXT: %[[R:.*]] = arith.mulf %[[W]], %[[X]] {stc.backward}
// CHECK-NEXT: %[[DX:.*]] = arith.addf %[[L]], %[[R]] {stc.backward}
// CHECK-NEXT: return %[[DX]], %[[DW]]
func.func @sum(%x: tensor<4xf32>, %w: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %square = arith.mulf %x, %x : tensor<4xf32>
  %product = arith.mulf %square, %w : tensor<4xf32>
  %loss = stc.reduce sum %product dims [0] : tensor<4xf32> to tensor<f32>
  %dx, %dw = stc.gradient %loss wrt %x, %w : (tensor<f32>) wrt (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>
  return %dx, %dw : tensor<4xf32>, tensor<4xf32>
}

// -----

// y is a divisor, is subtracted, and stands on the other side of the select.
// CHECK-LABEL: func.func @elementwise(
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<4xf32>, %[[C:.*]]: tensor<4xi1>, %[[S:.*]]: tensor<4xf32>)
// CHECK: %[[ZERO:.*]] = arith.constant {stc.backward} dense<0.000000e+00>
// CHECK: %[[A:.*]] = arith.divf %[[X]], %[[Y]]
// CHECK: %[[E:.*]] = math.exp
// CHECK-NEXT: %[[DE:.*]] = arith.select %[[C]], %[[S]], %[[ZERO]]
// CHECK-NEXT: %[[DS:.*]] = arith.select %[[C]], %[[ZERO]], %[[S]]
// CHECK-NEXT: %[[DB:.*]] = arith.mulf %[[DE]], %[[E]]
// CHECK-NEXT: %[[NEG:.*]] = arith.negf %[[DB]]
// CHECK-NEXT: %[[DY1:.*]] = arith.addf %[[DS]], %[[NEG]]
// CHECK-NEXT: %[[DX:.*]] = arith.divf %[[DB]], %[[Y]]
// CHECK-NEXT: %[[M:.*]] = arith.mulf %[[DX]], %[[A]]
// CHECK-NEXT: %[[N:.*]] = arith.negf %[[M]]
// CHECK-NEXT: %[[DY:.*]] = arith.addf %[[DY1]], %[[N]]
// CHECK-NEXT: return %[[DX]], %[[DY]]
func.func @elementwise(%x: tensor<4xf32>, %y: tensor<4xf32>, %c: tensor<4xi1>, %seed: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = arith.divf %x, %y : tensor<4xf32>
  %b = arith.subf %a, %y : tensor<4xf32>
  %e = math.exp %b : tensor<4xf32>
  %s = arith.select %c, %e, %y : tensor<4xi1>, tensor<4xf32>
  %dx, %dy = stc.gradient %s seed %seed wrt %x, %y : (tensor<4xf32>) seed (tensor<4xf32>) wrt (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>
  return %dx, %dy : tensor<4xf32>, tensor<4xf32>
}

// -----

// A part that nothing uses has a gradient of zeros; a broadcast is summed.
// CHECK-LABEL: func.func @shapes(
// CHECK-SAME: %[[SEED:[^ ]*]]: tensor<2x8xf32>)
// CHECK-NEXT: %[[ZERO:.*]] = arith.constant {stc.backward} dense<0.000000e+00> : tensor<2x2xf32>
// CHECK-NEXT: %[[PARTS:.*]]:2 = stc.split %[[SEED]]
// CHECK-NEXT: %[[DB:.*]] = stc.reduce sum %[[PARTS]]#1 dims [1]
// CHECK-NEXT: %[[DX:.*]] = stc.concat %[[PARTS]]#0, %[[ZERO]] {{.*}} to tensor<2x6xf32>
// CHECK-NEXT: return %[[DX]], %[[DB]]
func.func @shapes(%x: tensor<2x6xf32>, %b: tensor<2xf32>, %seed: tensor<2x8xf32>) -> (tensor<2x6xf32>, tensor<2xf32>) {
  %parts:2 = stc.split %x : tensor<2x6xf32> to tensor<2x4xf32>, tensor<2x2xf32>
  %r = stc.reshape %parts#0 : tensor<2x4xf32> to tensor<4x2xf32>
  %back = stc.reshape %r : tensor<4x2xf32> to tensor<8xf32>
  %again = stc.reshape %back : tensor<8xf32> to tensor<2x4xf32>
  %wide = stc.broadcast %b dims [0] : tensor<2xf32> to tensor<2x4xf32>
  %y = stc.concat %again, %wide : tensor<2x4xf32>, tensor<2x4xf32> to tensor<2x8xf32>
  %dx, %db = stc.gradient %y seed %seed wrt %x, %b : (tensor<2x8xf32>) seed (tensor<2x8xf32>) wrt (tensor<2x6xf32>, tensor<2xf32>) -> tensor<2x6xf32>, tensor<2xf32>
  return %dx, %db : tensor<2x6xf32>, tensor<2xf32>
}

// -----

// A matrix that a whole batch shares gets one product over all rows.
// CHECK-LABEL: func.func @products(
// CHECK-SAME: %[[X:.*]]: tensor<2x8x4xf32>, %[[W:.*]]: tensor<6x4xf32>, %[[Y:.*]]: tensor<2x6x8xf32>, %[[SEED:.*]]: tensor<2x8x8xf32>)
// CHECK: %[[H:.*]] = stc.matmul %[[X]], %[[W]] transpose_rhs
// CHECK: %[[DH:.*]] = stc.matmul %[[SEED]], %[[Y]] transpose_rhs
// CHECK: %[[DY:.*]] = stc.matmul %[[H]], %[[SEED]] transpose_lhs
// CHECK: %[[DX:.*]] = stc.matmul %[[DH]], %[[W]]
// CHECK: %[[ROWS:.*]] = stc.reshape %[[X]] {{.*}} to tensor<16x4xf32>
// CHECK: %[[GRADS:.*]] = stc.reshape %[[DH]] {{.*}} to tensor<16x6xf32>
// CHECK: %[[DW:.*]] = stc.matmul %[[GRADS]], %[[ROWS]] transpose_lhs {{.*}} -> tensor<6x4xf32>
// CHECK: return %[[DX]], %[[DW]], %[[DY]]
func.func @products(%x: tensor<2x8x4xf32>, %w: tensor<6x4xf32>, %y: tensor<2x6x8xf32>, %seed: tensor<2x8x8xf32>)
    -> (tensor<2x8x4xf32>, tensor<6x4xf32>, tensor<2x6x8xf32>) {
  %h = stc.matmul %x, %w transpose_rhs : tensor<2x8x4xf32>, tensor<6x4xf32> -> tensor<2x8x6xf32>
  %z = stc.matmul %h, %y : tensor<2x8x6xf32>, tensor<2x6x8xf32> -> tensor<2x8x8xf32>
  %dx, %dw, %dy = stc.gradient %z seed %seed wrt %x, %w, %y : (tensor<2x8x8xf32>) seed (tensor<2x8x8xf32>)
      wrt (tensor<2x8x4xf32>, tensor<6x4xf32>, tensor<2x6x8xf32>) -> tensor<2x8x4xf32>, tensor<6x4xf32>, tensor<2x6x8xf32>
  return %dx, %dw, %dy : tensor<2x8x4xf32>, tensor<6x4xf32>, tensor<2x6x8xf32>
}

// -----

// CHECK-LABEL: func.func @table(
// CHECK: stc.scatter_add %{{.*}}, %{{.*}} {stc.backward} : tensor<2x8x4xf32>, tensor<2x8xi32> -> tensor<10x4xf32>
func.func @table(%t: tensor<10x4xf32>, %i: tensor<2x8xi32>, %seed: tensor<2x8x4xf32>) -> tensor<10x4xf32> {
  %rows = stc.gather %t, %i : tensor<10x4xf32>, tensor<2x8xi32> -> tensor<2x8x4xf32>
  %d = stc.gradient %rows seed %seed wrt %t : (tensor<2x8x4xf32>) seed (tensor<2x8x4xf32>) wrt (tensor<10x4xf32>) -> tensor<10x4xf32>
  return %d : tensor<10x4xf32>
}

// -----

!x = tensor<1x16x2x4xf32>
// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[Q:.*]]: tensor<1x16x2x4xf32>, %[[K:.*]]: tensor<1x16x2x4xf32>, %[[V:.*]]: tensor<1x16x2x4xf32>, %[[SEED:.*]]: tensor<1x16x2x4xf32>)
// CHECK: %[[O:.*]], %[[LSE:.*]] = stc.attention
// CHECK: %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]] = stc.attention_grad %[[Q]], %[[K]], %[[V]], %[[O]], %[[LSE]], %[[SEED]] scale 5.000000e-01 pattern <"local(4)">
// CHECK: return %[[DQ]], %[[DK]], %[[DV]]
func.func @attention(%q: !x, %k: !x, %v: !x, %seed: !x) -> (!x, !x, !x) {
  %o, %lse = stc.attention %q, %k, %v scale 0.5 pattern <"local(4)"> : !x, !x, !x -> !x, tensor<1x2x16xf32>
  %d:3 = stc.gradient %o seed %seed wrt %q, %k, %v : (!x) seed (!x) wrt (!x, !x, !x) -> !x, !x, !x
  return %d#0, %d#1, %d#2 : !x, !x, !x
}

// -----

!x = tensor<1x16x2x4xf32>
!p = tensor<1x2x16x16xf32, #stc.pattern<"local(4)">>
// CHECK-LABEL: func.func @unfused(
// CHECK-SAME: %[[Q:.*]]: tensor<1x16x2x4xf32>, %[[K:.*]]: tensor<1x16x2x4xf32>, %[[V:.*]]: tensor<1x16x2x4xf32>, %[[SEED:.*]]: tensor<1x16x2x4xf32>)
// CHECK: %[[P:.*]] = stc.softmax
// CHECK-NEXT: %[[DP:.*]] = stc.scores %[[SEED]], %[[V]]
// CHECK-NEXT: %[[DV:.*]] = stc.aggregate %[[P]], %[[SEED]] transpose
// CHECK-NEXT: %[[DS:.*]] = stc.softmax_grad %[[P]], %[[DP]]
// CHECK-NEXT: %[[DQ:.*]] = stc.aggregate %[[DS]], %[[K]]
// CHECK-NEXT: %[[DK:.*]] = stc.aggregate %[[DS]], %[[Q]] transpose
// CHECK-NEXT: return %[[DQ]], %[[DK]], %[[DV]]
func.func @unfused(%q: !x, %k: !x, %v: !x, %seed: !x) -> (!x, !x, !x) {
  %s = stc.scores %q, %k : !x, !x -> !p
  %p = stc.softmax %s : !p
  %o = stc.aggregate %p, %v : !p, !x -> !x
  %d:3 = stc.gradient %o seed %seed wrt %q, %k, %v : (!x) seed (!x) wrt (!x, !x, !x) -> !x, !x, !x
  return %d#0, %d#1, %d#2 : !x, !x, !x
}

// -----

// The gradient of x * constant(x) is the constant, whose value is x; stc.stop_gradient is gone.
// CHECK-LABEL: func.func @constants(
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>,
// CHECK-NEXT: %[[ZERO:.*]] = arith.constant {stc.backward} dense<0.000000e+00> : tensor<2xf64>
// CHECK-NEXT: return %[[X]], %[[ZERO]]
func.func @constants(%x: tensor<4xf32>, %unused: tensor<2xf64>) -> (tensor<4xf32>, tensor<2xf64>) {
  %c = stc.stop_gradient %x : tensor<4xf32>
  %y = arith.mulf %x, %c : tensor<4xf32>
  %loss = stc.reduce sum %y dims [0] : tensor<4xf32> to tensor<f32>
  %dx, %du = stc.gradient %loss wrt %x, %unused : (tensor<f32>) wrt (tensor<4xf32>, tensor<2xf64>) -> tensor<4xf32>, tensor<2xf64>
  return %dx, %du : tensor<4xf32>, tensor<2xf64>
}

// -----

// The second derivative of x^3, by one stc.gradient of another: 6 x.
// CHECK-LABEL: func.func @second(
// CHECK-SAME: %[[X:.*]]: tensor<f32>)
// CHECK-NEXT: %[[A:.*]] = arith.addf %[[X]], %[[X]]
// CHECK-NEXT: %[[B:.*]] = arith.addf %[[X]], %[[X]]
// CHECK-NEXT: %[[C:.*]] = arith.addf %[[B]], %[[A]]
// CHECK-NEXT: %[[D:.*]] = arith.addf %[[C]], %[[X]]
// CHECK-NEXT: %[[E:.*]] = arith.addf %[[D]], %[[X]]
// CHECK-NEXT: return %[[E]]
func.func @second(%x: tensor<f32>) -> tensor<f32> {
  %square = arith.mulf %x, %x : tensor<f32>
  %y = arith.mulf %square, %x : tensor<f32>
  %d = stc.gradient %y wrt %x : (tensor<f32>) wrt (tensor<f32>) -> tensor<f32>
  %dd = stc.gradient %d wrt %x : (tensor<f32>) wrt (tensor<f32>) -> tensor<f32>
  return %dd : tensor<f32>
}

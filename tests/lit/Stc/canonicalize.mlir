// RUN: stc-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @same_type
// CHECK-SAME: (%[[X:.*]]: tensor<8x64xf32>)
// CHECK-NEXT: return %[[X]], %[[X]]
func.func @same_type(%x: tensor<8x64xf32>) -> (tensor<8x64xf32>, tensor<8x64xf32>) {
  %a = stc.broadcast %x dims [0, 1] : tensor<8x64xf32> to tensor<8x64xf32>
  %b = stc.reshape %x : tensor<8x64xf32> to tensor<8x64xf32>
  return %a, %b : tensor<8x64xf32>, tensor<8x64xf32>
}

// CHECK-LABEL: func.func @reshape_chain
// CHECK-SAME: (%[[X:.*]]: tensor<8x64xf32>)
// CHECK-NEXT: %[[Y:.*]] = stc.reshape %[[X]] : tensor<8x64xf32> to tensor<4x128xf32>
// CHECK-NEXT: return %[[Y]], %[[X]]
func.func @reshape_chain(%x: tensor<8x64xf32>) -> (tensor<4x128xf32>, tensor<8x64xf32>) {
  %a = stc.reshape %x : tensor<8x64xf32> to tensor<512xf32>
  %b = stc.reshape %a : tensor<512xf32> to tensor<4x128xf32>
  %c = stc.reshape %b : tensor<4x128xf32> to tensor<8x64xf32>
  return %b, %c : tensor<4x128xf32>, tensor<8x64xf32>
}

// CHECK-LABEL: func.func @splat
// CHECK-DAG: %[[A:.*]] = arith.constant dense<2.000000e+00> : tensor<8x64xf32>
// CHECK-DAG: %[[B:.*]] = arith.constant dense<2.000000e+00> : tensor<512xf32>
// CHECK: return %[[A]], %[[B]]
func.func @splat() -> (tensor<8x64xf32>, tensor<512xf32>) {
  %two = arith.constant dense<2.0> : tensor<f32>
  %a = stc.broadcast %two dims [] : tensor<f32> to tensor<8x64xf32>
  %b = stc.reshape %a : tensor<8x64xf32> to tensor<512xf32>
  return %a, %b : tensor<8x64xf32>, tensor<512xf32>
}

// A constant with several values stays small: it is broadcast where it is used.
// CHECK-LABEL: func.func @not_splat
// CHECK: stc.broadcast
func.func @not_splat() -> tensor<8x2xf32> {
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %a = stc.broadcast %c dims [1] : tensor<2xf32> to tensor<8x2xf32>
  return %a : tensor<8x2xf32>
}

// Reading has no effect, writing has.
stc.variable parameter @w : tensor<8xf32>
// CHECK-LABEL: func.func @dead
// CHECK-SAME: (%[[X:.*]]: tensor<8xf32>)
// CHECK-NEXT: stc.write @w, %[[X]]
// CHECK-NEXT: return
func.func @dead(%x: tensor<8xf32>) {
  %w = stc.read @w : tensor<8xf32>
  %seed = arith.constant dense<0> : tensor<i64>
  %u = stc.random uniform seed %seed step %seed stream 7 : tensor<8xf32>
  stc.write @w, %x : tensor<8xf32>
  return
}

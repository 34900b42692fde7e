// RUN: stc-opt %s --stc-count-flops --split-input-file | FileCheck %s

// CHECK: func.func @product(
// CHECK-SAME: attributes {stc.model_flops = 196608 : i64}
func.func @product(%a: tensor<64x32xf32>, %b: tensor<48x32xf32>) -> tensor<64x48xf32> {
  %c = stc.matmul %a, %b transpose_rhs : tensor<64x32xf32>, tensor<48x32xf32> -> tensor<64x48xf32>
  return %c : tensor<64x48xf32>
}

// A batch of 3, whose rows are summed: 2 * 3 * 16 * 8 * 64.
// CHECK: func.func @transposed(
// CHECK-SAME: attributes {stc.model_flops = 49152 : i64}
func.func @transposed(%a: tensor<3x64x16xf32>, %b: tensor<3x64x8xf32>) -> tensor<3x16x8xf32> {
  %c = stc.matmul %a, %b transpose_lhs : tensor<3x64x16xf32>, tensor<3x64x8xf32> -> tensor<3x16x8xf32>
  return %c : tensor<3x16x8xf32>
}

// -----

// Heads 0 and 2 have 2080 pairs, heads 1 and 3 have 64: forward two products of 2 * 8 each, and twice that in the
// gradient, 3 * 4 * 8 * 4288.
// CHECK: func.func @attention(
// CHECK-SAME: attributes {stc.model_flops = 411648 : i64}
!x = tensor<1x64x4x8xf32>
!l = tensor<1x4x64xf32>
func.func @attention(%q: !x, %k: !x, %v: !x, %do: !x) -> (!x, !x, !x) {
  %o, %lse = stc.attention %q, %k, %v scale 0.5 pattern <"dense", "local(0)"> : !x, !x, !x -> !x, !l
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.5 pattern <"dense", "local(0)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// CHECK: func.func @elementwise(
// CHECK-NOT: model_flops
func.func @elementwise(%a: tensor<64xf32>) -> tensor<64xf32> {
  %b = arith.addf %a, %a : tensor<64xf32>
  return %b : tensor<64xf32>
}

// -----

// Operations that 63 bits do not hold are not counted: of a product, of two together, and of attention.
// CHECK: func.func @large_product(
// CHECK-NOT: model_flops
// CHECK: func.func @large_sum(
// CHECK-NOT: model_flops
// CHECK: func.func @large_attention(
// CHECK-NOT: model_flops
// CHECK: func.func @fits(
// CHECK-SAME: attributes {stc.model_flops = 4611686018427387904 : i64}
func.func @large_product(%a: tensor<2097152x2097152xf32>) -> tensor<2097152x2097152xf32> {
  %b = stc.matmul %a, %a : tensor<2097152x2097152xf32>, tensor<2097152x2097152xf32> -> tensor<2097152x2097152xf32>
  return %b : tensor<2097152x2097152xf32>
}
func.func @large_sum(%a: tensor<1048576x2097152xf32>, %b: tensor<2097152x1048576xf32>) -> (tensor<1048576x1048576xf32>, tensor<2097152x2097152xf32>) {
  %c = stc.matmul %a, %b : tensor<1048576x2097152xf32>, tensor<2097152x1048576xf32> -> tensor<1048576x1048576xf32>
  %d = stc.matmul %b, %a : tensor<2097152x1048576xf32>, tensor<1048576x2097152xf32> -> tensor<2097152x2097152xf32>
  return %c, %d : tensor<1048576x1048576xf32>, tensor<2097152x2097152xf32>
}
func.func @large_attention(%q: tensor<65536x1048576x16x64xf32>) -> (tensor<65536x1048576x16x64xf32>, tensor<65536x16x1048576xf32>) {
  %o, %l = stc.attention %q, %q, %q scale 0.5 pattern <"dense"> : tensor<65536x1048576x16x64xf32>, tensor<65536x1048576x16x64xf32>, tensor<65536x1048576x16x64xf32> -> tensor<65536x1048576x16x64xf32>, tensor<65536x16x1048576xf32>
  return %o, %l : tensor<65536x1048576x16x64xf32>, tensor<65536x16x1048576xf32>
}
func.func @fits(%a: tensor<1048576x2097152xf32>, %b: tensor<2097152x1048576xf32>) -> tensor<1048576x1048576xf32> {
  %c = stc.matmul %a, %b : tensor<1048576x2097152xf32>, tensor<2097152x1048576xf32> -> tensor<1048576x1048576xf32>
  return %c : tensor<1048576x1048576xf32>
}

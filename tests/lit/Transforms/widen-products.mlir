// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(stc-widen-products))' --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @product(
// CHECK-SAME: [[A:%.*]]: tensor<64x32xbf16>, [[B:%.*]]: tensor<48x32xbf16>)
func.func @product(%a: tensor<64x32xbf16>, %b: tensor<48x32xbf16>) -> tensor<64x48xbf16> {
  %c = stc.matmul %a, %b transpose_rhs : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xbf16>
  return %c : tensor<64x48xbf16>
}
// CHECK-NEXT: [[X:%.*]] = arith.extf [[A]] : tensor<64x32xbf16> to tensor<64x32xf32>
// CHECK-NEXT: [[W:%.*]] = arith.extf [[B]] : tensor<48x32xbf16> to tensor<48x32xf32>
// CHECK-NEXT: [[Y:%.*]] = stc.matmul [[X]], [[W]] transpose_rhs : tensor<64x32xf32>, tensor<48x32xf32> -> tensor<64x48xf32>
// CHECK-NEXT: [[C:%.*]] = arith.truncf [[Y]] : tensor<64x48xf32> to tensor<64x48xbf16>
// CHECK-NEXT: return [[C]] : tensor<64x48xbf16>

// -----

// Attention reads parts of one tensor where they lie, and its gradients stay side by side in one; the
// backward pass widens what was kept narrow for itself.
!qkv = tensor<1x8x12xf16>
!part = tensor<1x8x4xf16>
!heads = tensor<1x8x2x2xf16>
// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[QKV:.*]]: tensor<1x8x12xf16>, %[[DO:.*]]: tensor<1x8x2x2xf16>)
// CHECK-NEXT: %[[WIDE:.*]] = arith.extf %[[QKV]] : tensor<1x8x12xf16> to tensor<1x8x12xf32>
// CHECK-NEXT: stc.split %[[WIDE]] : tensor<1x8x12xf32>
// CHECK: %[[O:.*]], %[[LSE:.*]] = stc.attention {{.*}} -> tensor<1x8x2x2xf32>, tensor<1x2x8xf32>
// CHECK-NEXT: %[[ROUNDED:.*]] = arith.truncf %[[O]]
// CHECK-NEXT: %[[AGAIN:.*]] = arith.extf %[[QKV]] {stc.backward}
// CHECK-NEXT: stc.split %[[AGAIN]] {stc.backward}
// CHECK: %[[OUTPUT:.*]] = arith.extf %[[ROUNDED]] {stc.backward}
// CHECK-NEXT: %[[OUTPUTGRAD:.*]] = arith.extf %[[DO]] {stc.backward}
// CHECK-NEXT: %[[Q:.*]], %[[K:.*]], %[[V:.*]] = stc.attention_grad %{{.*}}, %{{.*}}, %{{.*}}, %[[OUTPUT]], %[[LSE]], %[[OUTPUTGRAD]] {{.*}} {stc.backward}
// CHECK-NEXT: %[[DQ:.*]] = stc.reshape %[[Q]] {stc.backward} : tensor<1x8x2x2xf32> to tensor<1x8x4xf32>
// CHECK-NEXT: %[[DK:.*]] = stc.reshape %[[K]]
// CHECK-NEXT: %[[DV:.*]] = stc.reshape %[[V]]
// CHECK-NEXT: %[[JOINED:.*]] = stc.concat %[[DQ]], %[[DK]], %[[DV]] {stc.backward} : {{.*}}, tensor<1x8x4xf32> to tensor<1x8x12xf32>
// CHECK-NEXT: %[[RESULT:.*]] = arith.truncf %[[JOINED]] {stc.backward} : tensor<1x8x12xf32> to tensor<1x8x12xf16>
// CHECK-NEXT: return %[[ROUNDED]], %[[RESULT]]
func.func @attention(%qkv: !qkv, %do: !heads) -> (!heads, !qkv) {
  %parts:3 = stc.split %qkv : !qkv to !part, !part, !part
  %q = stc.reshape %parts#0 : !part to !heads
  %k = stc.reshape %parts#1 : !part to !heads
  %v = stc.reshape %parts#2 : !part to !heads
  %o, %lse = stc.attention %q, %k, %v scale 0.5 pattern <"dense"> : !heads, !heads, !heads -> !heads, tensor<1x2x8xf32>
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.5 pattern <"dense"> {stc.backward}
      : !heads, !heads, !heads, !heads, tensor<1x2x8xf32>, !heads -> !heads, !heads, !heads
  %0 = stc.reshape %dq {stc.backward} : !heads to !part
  %1 = stc.reshape %dk {stc.backward} : !heads to !part
  %2 = stc.reshape %dv {stc.backward} : !heads to !part
  %d = stc.concat %0, %1, %2 {stc.backward} : !part, !part, !part to !qkv
  return %o, %d : !heads, !qkv
}

// -----

// A part that was not rounded: each keeps its own rounding. Float32 stays as it is.
// CHECK-LABEL: func.func @others(
// CHECK-NEXT: stc.matmul {{.*}} -> tensor<4x4xf32>
// CHECK: %[[ROW:.*]] = stc.attention_row {{.*}} -> tensor<1x1x2x2xf32>
// CHECK-NEXT: %[[ROUNDED:.*]] = arith.truncf %[[ROW]] : tensor<1x1x2x2xf32> to tensor<1x1x2x2xbf16>
// CHECK-NEXT: stc.concat %[[ROUNDED]], %{{.*}} : tensor<1x1x2x2xbf16>, tensor<1x1x2x2xbf16> to tensor<1x1x2x4xbf16>
func.func @others(%x: tensor<4x4xf32>, %q: tensor<1x1x2x2xbf16>, %c: tensor<1x8x2x2xbf16>, %p: tensor<i32>)
    -> (tensor<4x4xf32>, tensor<1x1x2x4xbf16>) {
  %0 = stc.matmul %x, %x : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %o = stc.attention_row %q, %c, %c at %p scale 0.5 pattern <"dense">
      : tensor<1x1x2x2xbf16>, tensor<1x8x2x2xbf16>, tensor<1x8x2x2xbf16> -> tensor<1x1x2x2xbf16>
  %both = stc.concat %o, %q : tensor<1x1x2x2xbf16>, tensor<1x1x2x2xbf16> to tensor<1x1x2x4xbf16>
  return %0, %both : tensor<4x4xf32>, tensor<1x1x2x4xbf16>
}

// -----

// An output that is narrower than what it is made of.
// CHECK-LABEL: func.func @rounded_row(
// CHECK-NEXT: %[[ROW:.*]] = stc.attention_row {{.*}} -> tensor<1x1x2x2xf32>
// CHECK-NEXT: %[[ROUNDED:.*]] = arith.truncf %[[ROW]] : tensor<1x1x2x2xf32> to tensor<1x1x2x2xbf16>
// CHECK-NEXT: return %[[ROUNDED]]
func.func @rounded_row(%q: tensor<1x1x2x2xf32>, %c: tensor<1x8x2x2xf32>, %p: tensor<i32>) -> tensor<1x1x2x2xbf16> {
  %o = stc.attention_row %q, %c, %c at %p scale 0.5 pattern <"dense">
      : tensor<1x1x2x2xf32>, tensor<1x8x2x2xf32>, tensor<1x8x2x2xf32> -> tensor<1x1x2x2xbf16>
  return %o : tensor<1x1x2x2xbf16>
}

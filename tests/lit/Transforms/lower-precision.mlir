// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(stc-lower-precision{compute=bf16}))' --split-input-file | FileCheck %s
// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(stc-lower-precision{compute=f16}))' --split-input-file | FileCheck %s --check-prefix=F16
// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(stc-lower-precision{compute=f32}))' --split-input-file | FileCheck %s --check-prefix=F32
// RUN: not stc-opt %s --pass-pipeline='builtin.module(func.func(stc-lower-precision{compute=f8}))' --split-input-file 2>&1 | FileCheck %s --check-prefix=ERROR
// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(stc-lower-precision,stc-differentiate,canonicalize))' --split-input-file | FileCheck %s --check-prefix=GRADIENT

// F32-NOT: arith.truncf
// ERROR: error: expected the type of products to be f32, bf16 or f16, found f8

// CHECK-LABEL: func.func @linear(
// CHECK-SAME: [[X:%.*]]: tensor<64x32xf32>, [[W:%.*]]: tensor<48x32xf32>)
func.func @linear(%x: tensor<64x32xf32>, %w: tensor<48x32xf32>) -> tensor<64x48xf32> {
  %y = stc.matmul %x, %w transpose_rhs : tensor<64x32xf32>, tensor<48x32xf32> -> tensor<64x48xf32>
  return %y : tensor<64x48xf32>
}
// CHECK-NEXT: [[A:%.*]] = arith.truncf [[X]] : tensor<64x32xf32> to tensor<64x32xbf16>
// CHECK-NEXT: [[B:%.*]] = arith.truncf [[W]] : tensor<48x32xf32> to tensor<48x32xbf16>
// CHECK-NEXT: [[C:%.*]] = stc.matmul [[A]], [[B]] transpose_rhs : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xbf16>
// CHECK-NEXT: [[Y:%.*]] = arith.extf [[C]] : tensor<64x48xbf16> to tensor<64x48xf32>
// CHECK-NEXT: return [[Y]] : tensor<64x48xf32>

// F16-LABEL: func.func @linear(
// F16: stc.matmul %{{.*}}, %{{.*}} transpose_rhs : tensor<64x32xf16>, tensor<48x32xf16> -> tensor<64x48xf16>
// F16-NEXT: arith.extf %{{.*}} : tensor<64x48xf16> to tensor<64x48xf32>

// -----

// Query, key and value are rounded together before they are taken apart, and the output goes on to the
// next product as it is. Marks of residual blocks go over to new ops.
// CHECK-LABEL: func.func @block(
// CHECK-SAME: %[[QKV:.*]]: tensor<1x64x96xf32>, %[[W:.*]]: tensor<32x32xf32>)
// CHECK-NEXT: %[[NARROW:.*]] = arith.truncf %[[QKV]] {stc.block = 3 : i64} : tensor<1x64x96xf32> to tensor<1x64x96xbf16>
// CHECK-NEXT: %[[PARTS:.*]]:3 = stc.split %[[NARROW]] {stc.block = 3 : i64} : tensor<1x64x96xbf16>
// CHECK-NEXT: %[[Q:.*]] = stc.reshape %[[PARTS]]#0 {{.*}} to tensor<1x64x2x16xbf16>
// CHECK-NEXT: %[[K:.*]] = stc.reshape %[[PARTS]]#1 {{.*}} to tensor<1x64x2x16xbf16>
// CHECK-NEXT: %[[V:.*]] = stc.reshape %[[PARTS]]#2 {{.*}} to tensor<1x64x2x16xbf16>
// CHECK-NEXT: %[[O:.*]], %{{.*}} = stc.attention %[[Q]], %[[K]], %[[V]] scale 2.500000e-01 pattern <"strided(8)"> {stc.block = 3 : i64}
// CHECK-SAME: -> tensor<1x64x2x16xbf16>, tensor<1x2x64xf32>
// CHECK-NEXT: %[[ROWS:.*]] = stc.reshape %[[O]] : tensor<1x64x2x16xbf16> to tensor<1x64x32xbf16>
// CHECK-NEXT: %[[WEIGHT:.*]] = arith.truncf %[[W]]
// CHECK-NEXT: stc.matmul %[[ROWS]], %[[WEIGHT]]
func.func @block(%qkv: tensor<1x64x96xf32>, %w: tensor<32x32xf32>) -> tensor<1x64x32xf32> {
  %parts:3 = stc.split %qkv : tensor<1x64x96xf32> to tensor<1x64x32xf32>, tensor<1x64x32xf32>, tensor<1x64x32xf32>
  %q = stc.reshape %parts#0 : tensor<1x64x32xf32> to tensor<1x64x2x16xf32>
  %k = stc.reshape %parts#1 : tensor<1x64x32xf32> to tensor<1x64x2x16xf32>
  %v = stc.reshape %parts#2 : tensor<1x64x32xf32> to tensor<1x64x2x16xf32>
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"strided(8)"> {stc.block = 3 : i64}
      : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x64x2x16xf32>, tensor<1x2x64xf32>
  %rows = stc.reshape %o : tensor<1x64x2x16xf32> to tensor<1x64x32xf32>
  %y = stc.matmul %rows, %w : tensor<1x64x32xf32>, tensor<32x32xf32> -> tensor<1x64x32xf32>
  return %y : tensor<1x64x32xf32>
}

// -----

// Only float32 products and attention: f64 stays, and so do sampling and elementwise work. Equal
// operands are rounded once.
// CHECK-LABEL: func.func @others(
// CHECK-NEXT: %[[Y:.*]] = arith.mulf {{.*}} : tensor<8x8xf32>
// CHECK-NEXT: %[[ROUNDED:.*]] = arith.truncf %[[Y]]
// CHECK-NEXT: stc.matmul %[[ROUNDED]], %[[ROUNDED]] : tensor<8x8xbf16>
// CHECK-NEXT: arith.extf
// CHECK-NEXT: stc.matmul {{.*}} : tensor<8x8xf64>
// CHECK-NEXT: stc.attention_row {{.*}} -> tensor<1x1x2x16xf32>
// CHECK-NEXT: return
func.func @others(%x: tensor<8x8xf32>, %d: tensor<8x8xf64>, %q: tensor<1x1x2x16xf32>, %c: tensor<1x64x2x16xf32>, %p: tensor<i32>)
    -> (tensor<8x8xf32>, tensor<8x8xf64>, tensor<1x1x2x16xf32>) {
  %y = arith.mulf %x, %x : tensor<8x8xf32>
  %0 = stc.matmul %y, %y : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %1 = stc.matmul %d, %d : tensor<8x8xf64>, tensor<8x8xf64> -> tensor<8x8xf64>
  %2 = stc.attention_row %q, %c, %c at %p scale 0.25 pattern <"dense">
      : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x1x2x16xf32>
  return %0, %1, %2 : tensor<8x8xf32>, tensor<8x8xf64>, tensor<1x1x2x16xf32>
}

// -----

// A value by which is differentiated is not passed over; the gradient is rounded like the value.
// GRADIENT-LABEL: func.func @by_reshaped(
// GRADIENT-SAME: %{{.*}}: tensor<64xf32>, %[[SEED:.*]]: tensor<8x8xf32>)
// GRADIENT: %[[G:.*]] = arith.truncf %[[SEED]] {stc.backward} : tensor<8x8xf32> to tensor<8x8xbf16>
// GRADIENT: stc.matmul %[[G]], %{{.*}} transpose_rhs {stc.backward} : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
// GRADIENT: %[[SUM:.*]] = arith.addf %{{.*}} {stc.backward} : tensor<8x8xbf16>
// GRADIENT: %[[D:.*]] = arith.extf %[[SUM]] {stc.backward} : tensor<8x8xbf16> to tensor<8x8xf32>
// GRADIENT: return %[[D]]
func.func @by_reshaped(%w: tensor<64xf32>, %seed: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %square = stc.reshape %w : tensor<64xf32> to tensor<8x8xf32>
  %y = stc.matmul %square, %square : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %d = stc.gradient %y seed %seed wrt %square : (tensor<8x8xf32>) seed(tensor<8x8xf32>) wrt(tensor<8x8xf32>) -> tensor<8x8xf32>
  return %d : tensor<8x8xf32>
}

// -----

// Two products read one value: each rounds it for itself, and the sum of its gradients is float32.
// GRADIENT-LABEL: func.func @shared(
// GRADIENT: %[[D1:.*]] = arith.extf {{.*}} tensor<8x8xf32>
// GRADIENT: %[[D2:.*]] = arith.extf {{.*}} tensor<8x8xf32>
// GRADIENT: %[[D:.*]] = arith.addf %[[D1]], %[[D2]] {stc.backward} : tensor<8x8xf32>
// GRADIENT: return %[[D]]
func.func @shared(%x: tensor<8x8xf32>, %a: tensor<8x8xf32>, %b: tensor<8x8xf32>, %seed: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = stc.matmul %x, %a : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %1 = stc.matmul %x, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %y = arith.addf %0, %1 : tensor<8x8xf32>
  %d = stc.gradient %y seed %seed wrt %x : (tensor<8x8xf32>) seed(tensor<8x8xf32>) wrt(tensor<8x8xf32>) -> tensor<8x8xf32>
  return %d : tensor<8x8xf32>
}

// -----

// Keys that are kept for sampling are used in float32 (paper, Sec. 5.6).
// CHECK-LABEL: func.func @prefill(
// CHECK: stc.attention {{.*}} : tensor<1x64x2x16xf32>
stc.variable scratch @cache : tensor<1x64x2x16xf32>
func.func @prefill(%x: tensor<1x64x2x16xf32>) -> tensor<1x64x2x16xf32> {
  stc.write @cache, %x : tensor<1x64x2x16xf32>
  %y, %l = stc.attention %x, %x, %x scale 0.25 pattern <"dense">
      : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x64x2x16xf32>, tensor<1x2x64xf32>
  return %y : tensor<1x64x2x16xf32>
}

// -----

// Sampling rounds its output itself, where all that is done with it is products.
// CHECK-LABEL: func.func @sampling(
// CHECK: %[[O:.*]] = stc.attention_row {{.*}}, tensor<1x64x2x16xf32> -> tensor<1x1x2x16xbf16>
// CHECK-NEXT: %[[R:.*]] = stc.reshape %[[O]] : tensor<1x1x2x16xbf16> to tensor<1x32xbf16>
// CHECK-NEXT: %{{.*}} = arith.truncf
// CHECK-NEXT: stc.matmul %[[R]],
func.func @sampling(%q: tensor<1x1x2x16xf32>, %c: tensor<1x64x2x16xf32>, %w: tensor<32x32xf32>, %p: tensor<i32>)
    -> tensor<1x32xf32> {
  %o = stc.attention_row %q, %c, %c at %p scale 0.25 pattern <"dense">
      : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x1x2x16xf32>
  %r = stc.reshape %o : tensor<1x1x2x16xf32> to tensor<1x32xf32>
  %y = stc.matmul %r, %w : tensor<1x32xf32>, tensor<32x32xf32> -> tensor<1x32xf32>
  return %y : tensor<1x32xf32>
}

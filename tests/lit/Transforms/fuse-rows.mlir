// RUN: stc-opt %s --stc-fuse-rows --split-input-file | FileCheck %s

// A whole norm is one kernel: the sum of each row, then the work that needs it.
// CHECK-LABEL: func.func @norm(
// CHECK-SAME: %[[X:.*]]: tensor<8x64xf32>, %[[G:.*]]: tensor<64xf32>)
// CHECK-NEXT: %[[Y:.*]] = stc.fused space [8, 64] (%[[A:.*]] = %[[X]] : tensor<8x64xf32>, %[[B:.*]] = %[[G]] : tensor<64xf32>) -> (tensor<8x64xf32>) {
// CHECK: stc.reduce sum %[[A]] dims [1]
// CHECK: stc.broadcast %[[B]] dims [1]
// CHECK: stc.yield %{{.*}} : tensor<8x64xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %[[Y]]
func.func @norm(%x: tensor<8x64xf32>, %g: tensor<64xf32>) -> tensor<8x64xf32> {
  %scale = arith.constant dense<1.562500e-02> : tensor<8xf32>
  %sum = stc.reduce sum %x dims [1] : tensor<8x64xf32> to tensor<8xf32>
  %mean = arith.mulf %sum, %scale : tensor<8xf32>
  %means = stc.broadcast %mean dims [0] : tensor<8xf32> to tensor<8x64xf32>
  %centered = arith.subf %x, %means : tensor<8x64xf32>
  %gains = stc.broadcast %g dims [1] : tensor<64xf32> to tensor<8x64xf32>
  %y = arith.mulf %centered, %gains : tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// -----

// Two results over one space that read the same values; one sums over the rows.
// CHECK-LABEL: func.func @together(
// CHECK-NEXT: stc.fused space [8, 64] {{.*}} -> (tensor<8x64xf32>, tensor<64xf32>) {
// CHECK: stc.yield %{{.*}}, %{{.*}} : tensor<8x64xf32>, tensor<64xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return
func.func @together(%x: tensor<8x64xf32>, %dy: tensor<8x64xf32>) -> (tensor<8x64xf32>, tensor<64xf32>) {
  %dx = arith.mulf %x, %dy : tensor<8x64xf32>
  %db = stc.reduce sum %dy dims [0] : tensor<8x64xf32> to tensor<64xf32>
  return %dx, %db : tensor<8x64xf32>, tensor<64xf32>
}

// -----

// A value that costs one operand to compute is computed again where it is needed again.
// CHECK-LABEL: func.func @between(
// CHECK-NEXT: %[[A:.*]] = stc.matmul
// CHECK-NEXT: %[[S:.*]] = stc.fused space [8, 8] (%{{.*}} = %[[A]] : tensor<8x8xf32>) -> (tensor<8x8xf32>) {
// CHECK-NEXT: math.tanh
// CHECK-NEXT: arith.mulf
// CHECK: %[[B:.*]] = stc.matmul %[[S]]
// CHECK-NEXT: stc.fused space [8, 8] (%{{.*}} = %[[A]] : tensor<8x8xf32>, %{{.*}} = %[[B]] : tensor<8x8xf32>) -> (tensor<8x8xf32>) {
// CHECK-NEXT: math.tanh
// CHECK-NEXT: arith.addf
func.func @between(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %a = stc.matmul %x, %w : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %t = math.tanh %a : tensor<8x8xf32>
  %s = arith.mulf %t, %t : tensor<8x8xf32>
  %b = stc.matmul %s, %w : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %y = arith.addf %b, %t : tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// -----

// A sum of two tensors that is needed again stands in memory: loading it reads one.
// CHECK-LABEL: func.func @residual(
// CHECK-NEXT: %[[FIRST:.*]]:2 = stc.fused space [64, 64]
// CHECK-NEXT: %[[H:.*]] = arith.addf
// CHECK-NEXT: %[[E:.*]] = math.exp %[[H]]
// CHECK-NEXT: stc.yield %[[H]], %[[E]]
// CHECK: %[[B:.*]] = stc.matmul %[[FIRST]]#1
// CHECK-NEXT: stc.fused space [64, 64] (%{{.*}} = %[[FIRST]]#0 : tensor<64x64xf32>, %{{.*}} = %[[B]] : tensor<64x64xf32>)
func.func @residual(%x: tensor<64x64xf32>, %a: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> (tensor<64x64xf32>) {
  %h = arith.addf %x, %a : tensor<64x64xf32>
  %e = math.exp %h : tensor<64x64xf32>
  %b = stc.matmul %e, %w : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
  %y = arith.addf %h, %b : tensor<64x64xf32>
  return %y : tensor<64x64xf32>
}

// -----

// A scalar that is repeated over a tensor is computed once, in a kernel of its own.
// CHECK-LABEL: func.func @clip(
// CHECK-NEXT: %[[SUM:.*]] = stc.fused space [8, 64] {{.*}} -> (tensor<f32>) {
// CHECK: %[[NORM:.*]] = stc.fused space [] (%{{.*}} = %[[SUM]] : tensor<f32>) -> (tensor<f32>) {
// CHECK-NEXT: math.sqrt
// CHECK: stc.fused space [8, 64] (%[[N:.*]] = %[[NORM]] : tensor<f32>, %{{.*}}) -> (tensor<8x64xf32>) {
// CHECK-NEXT: stc.broadcast %[[N]] dims []
func.func @clip(%x: tensor<8x64xf32>) -> (tensor<8x64xf32>) {
  %sq = arith.mulf %x, %x : tensor<8x64xf32>
  %sum = stc.reduce sum %sq dims [0, 1] : tensor<8x64xf32> to tensor<f32>
  %norm = math.sqrt %sum : tensor<f32>
  %all = stc.broadcast %norm dims [] : tensor<f32> to tensor<8x64xf32>
  %y = arith.divf %x, %all : tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// -----

// A read stays behind the write before it.
// CHECK-LABEL: func.func @update(
// CHECK-NEXT: %[[W:.*]] = stc.read @w
// CHECK-NEXT: %[[NEW:.*]] = stc.fused space [64] (%{{.*}} = %[[W]] : tensor<64xf32>,
// CHECK: stc.write @w, %[[NEW]]
// CHECK-NEXT: %[[AGAIN:.*]] = stc.read @w
// CHECK-NEXT: stc.fused space [64] (%{{.*}} = %[[AGAIN]] : tensor<64xf32>,
stc.variable parameter @w : tensor<64xf32>
func.func @update(%g: tensor<64xf32>) -> tensor<64xf32> {
  %w = stc.read @w : tensor<64xf32>
  %new = arith.subf %w, %g : tensor<64xf32>
  stc.write @w, %new : tensor<64xf32>
  %again = stc.read @w : tensor<64xf32>
  %y = arith.mulf %again, %g : tensor<64xf32>
  return %y : tensor<64xf32>
}

// -----

// Rounding and widening are elementwise work like any other.
// CHECK-LABEL: func.func @narrow(
// CHECK-NEXT: %[[T:.*]] = stc.fused space [8, 64] {{.*}} -> (tensor<8x64xbf16>) {
// CHECK-NEXT: math.exp
// CHECK-NEXT: arith.truncf
// CHECK: %[[P:.*]] = stc.matmul %[[T]], %{{.*}} -> tensor<8x64xbf16>
// CHECK-NEXT: stc.fused space [8, 64] (%[[A:.*]] = %[[P]] : tensor<8x64xbf16>, %{{.*}} : tensor<8x64xf32>) -> (tensor<8x64xf32>) {
// CHECK-NEXT: arith.extf %[[A]]
func.func @narrow(%x: tensor<8x64xf32>, %w: tensor<64x64xbf16>) -> tensor<8x64xf32> {
  %e = math.exp %x : tensor<8x64xf32>
  %t = arith.truncf %e : tensor<8x64xf32> to tensor<8x64xbf16>
  %p = stc.matmul %t, %w : tensor<8x64xbf16>, tensor<64x64xbf16> -> tensor<8x64xbf16>
  %q = arith.extf %p : tensor<8x64xbf16> to tensor<8x64xf32>
  %y = arith.addf %q, %x : tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// -----

// What a row kernel cannot compute stays as it is: scalars, tensors of unknown shape or with a pattern,
// constants with many values.
// CHECK-LABEL: func.func @odd(
// CHECK-NEXT: arith.select %{{.*}} : tensor<8x64xf32>
// CHECK-NEXT: arith.mulf %{{.*}} : f32
// CHECK-NEXT: math.exp %{{.*}} : tensor<?xf32>
// CHECK-NEXT: arith.addf %{{.*}} : tensor<1x2x8x8xf32, #stc.pattern<"dense">>
// CHECK-NEXT: %[[MANY:.*]] = arith.constant
// CHECK-NEXT: stc.fused space [2] (%{{.*}} = %[[MANY]] : tensor<2xf32>) -> (tensor<f32>) {
// CHECK: stc.fused space [8, 64] {{.*}} -> (tensor<8x64xi1>) {
// CHECK: stc.fused space [64] () -> (tensor<64xf32>) {
func.func @odd(%x: tensor<8x64xf32>, %c: i1, %s: f32, %d: tensor<?xf32>, %dense: tensor<1x2x8x8xf32, #stc.pattern<"dense">>) -> (tensor<8x64xf32>, tensor<?xf32>, tensor<1x2x8x8xf32, #stc.pattern<"dense">>, tensor<f32>, tensor<8x64xi1>, tensor<64xf32>) {
  %y = arith.select %c, %x, %x : tensor<8x64xf32>
  %t = arith.mulf %s, %s : f32
  %e = math.exp %d : tensor<?xf32>
  %p = arith.addf %dense, %dense : tensor<1x2x8x8xf32, #stc.pattern<"dense">>
  %k = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %r = stc.reduce max %k dims [0] : tensor<2xf32> to tensor<f32>
  %m = arith.cmpf olt, %x, %x : tensor<8x64xf32>
  %one = arith.constant dense<1.0> : tensor<64xf32>
  %z = stc.reduce sum %x dims [0,1] : tensor<8x64xf32> to tensor<f32>
  return %y, %e, %p, %r, %m, %one : tensor<8x64xf32>, tensor<?xf32>, tensor<1x2x8x8xf32, #stc.pattern<"dense">>, tensor<f32>, tensor<8x64xi1>, tensor<64xf32>
}

// -----

// Random numbers and their mask; the key stands in memory. A function without a body has nothing to fuse.
// CHECK-LABEL: func.func @random(
// CHECK-SAME: %[[X:.*]]: tensor<8x64xf32>, %[[SEED:.*]]: tensor<i64>, %[[STEP:.*]]: tensor<i64>)
// CHECK-NEXT: %[[NEXT:.*]] = stc.fused space [] (%{{.*}} = %[[STEP]] : tensor<i64>) -> (tensor<i64>) {
// CHECK: stc.fused space [8, 64] (%{{.*}} = %[[SEED]] : tensor<i64>, %{{.*}} = %[[NEXT]] : tensor<i64>, %{{.*}} = %[[X]] : tensor<8x64xf32>) -> (tensor<8x64xf32>) {
// CHECK: stc.random uniform
// CHECK: arith.select
func.func @random(%x: tensor<8x64xf32>, %seed: tensor<i64>, %step: tensor<i64>) -> tensor<8x64xf32> {
  %one = arith.constant dense<1> : tensor<i64>
  %next = arith.addi %step, %one : tensor<i64>
  %u = stc.random uniform seed %seed step %next stream 7 : tensor<8x64xf32>
  %half = arith.constant dense<0.5> : tensor<8x64xf32>
  %keep = arith.cmpf oge, %u, %half : tensor<8x64xf32>
  %zero = arith.constant dense<0.0> : tensor<8x64xf32>
  %y = arith.select %keep, %x, %zero : tensor<8x64xi1>, tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}
func.func private @declared(tensor<4xf32>)

// -----

// A value that a region reads stands in memory before it. Elements that kernels do not have are left alone.
// CHECK-LABEL: func.func @region(
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>,
// CHECK-NEXT: %[[E:.*]] = stc.fused space [4] (%{{.*}} = %[[X]] : tensor<4xf32>) -> (tensor<4xf32>) {
// CHECK: %[[R:.*]] = scf.if
// CHECK-NEXT: math.exp %[[E]]
// CHECK: scf.yield %[[E]]
// CHECK: stc.fused space [4] (%{{.*}} = %[[R]] : tensor<4xf32>, %{{.*}} = %[[E]] : tensor<4xf32>)
// CHECK: arith.addi %{{.*}} : tensor<4xi16>
// CHECK: arith.addf %{{.*}} : tensor<0x4xf32>
func.func @region(%x: tensor<4xf32>, %c: i1, %s: tensor<4xi16>, %none: tensor<0x4xf32>)
    -> (tensor<4xf32>, tensor<4xi16>, tensor<0x4xf32>) {
  %e = math.exp %x : tensor<4xf32>
  %r = scf.if %c -> tensor<4xf32> {
    %f = math.exp %e : tensor<4xf32>
    scf.yield %f : tensor<4xf32>
  } else {
    scf.yield %e : tensor<4xf32>
  }
  %g = arith.addf %r, %e : tensor<4xf32>
  %t = arith.addi %s, %s : tensor<4xi16>
  %n = arith.addf %none, %none : tensor<0x4xf32>
  return %g, %t, %n : tensor<4xf32>, tensor<4xi16>, tensor<0x4xf32>
}

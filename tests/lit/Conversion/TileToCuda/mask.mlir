// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda --cse | FileCheck %s

// What stands before a comparison is found once for all columns of a lane's row, which differ in constants:
// j <= i, where the end of the keys is a bound of the same kind, and floor(j/16) >= floor(i/16) - 3, where columns of
// one block of 16 have the same constant.
// CHECK: scf.if %{{.*}} -> (f32, f32,
// CHECK: } else {
// CHECK: %[[BLOCK:.*]] = arith.divui %{{.*}}, %c16_i32
// CHECK: %[[BEHIND:.*]] = arith.muli %[[BLOCK]], %c16_i32
// CHECK: %[[BLOCKS:.*]] = arith.addi %{{.*}}, %[[BEHIND]]
// CHECK: %[[LEFT:.*]] = arith.minsi
// CHECK: %[[CAUSAL:.*]] = arith.cmpi sge, %[[LEFT]], %c0_i32
// CHECK: %[[NEAR:.*]] = arith.cmpi sge, %[[BLOCKS]], %c-63_i32
// CHECK-NEXT: arith.andi %[[CAUSAL]], %[[NEAR]]
// CHECK-NEXT: arith.select
// CHECK-NEXT: %[[NEXT:.*]] = arith.cmpi sge, %[[LEFT]], %c1_i32
// CHECK-NEXT: arith.andi %[[NEXT]], %[[NEAR]]
// CHECK-NEXT: arith.select
// CHECK-COUNT-124: arith.andi
// CHECK-NOT: arith.divui
// CHECK: scf.yield
!x = tensor<1x1024x1x64xbf16>
!l = tensor<1x1x1024xf32>
func.func @blocks(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"{ [i] -> [j] : j <= i and floor(i/16) - floor(j/16) <= 3 }"> : !x, !x, !x -> !x, !l
  return %o : !x
}

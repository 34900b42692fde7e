// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(stc-insert-recompute{policy=block}))' | FileCheck %s

// What one op demands stands as it did in the forward pass, so that an exchange begins as early: here the op's second
// operand comes first.
!x = tensor<8x8xf32>
// CHECK-LABEL: func.func @in_order(
// CHECK-SAME: %[[X:.*]]: tensor<8x8xf32>, %[[W:.*]]: tensor<8x8xf32>)
// CHECK: math.exp
// CHECK: %[[A:.*]] = stc.matmul %[[X]], %[[W]] :
// CHECK-NEXT: %[[B:.*]] = stc.matmul %[[W]], %[[X]] :
// CHECK-NEXT: stc.matmul %[[B]], %[[A]] :
func.func @in_order(%x: !x, %w: !x) -> !x {
  %a = stc.matmul %x, %w {stc.block = 0} : !x, !x -> !x
  %b = stc.matmul %w, %x {stc.block = 0} : !x, !x -> !x
  %e = math.exp %x {stc.backward} : !x
  %d = stc.matmul %b, %a {stc.backward} : !x, !x -> !x
  %s = arith.addf %d, %e {stc.backward} : !x
  return %s : !x
}

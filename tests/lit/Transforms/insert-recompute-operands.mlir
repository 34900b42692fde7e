// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(stc-insert-recompute{policy=block}))' | FileCheck %s

// A product that is computed again reads its operands from memory: what the first one read is not kept
// for it, though it is elementwise work over what is.
!x = tensor<64x8xf32>
!b = tensor<64x8xbf16>
!h = tensor<64x64xf32>
!w = tensor<8x64xf32>
// CHECK-LABEL: func.func @product(
// CHECK-SAME: %{{.*}}: tensor<64x8xf32>, %[[W:.*]]: tensor<8x64xf32>, %[[G:.*]]: tensor<64x64xf32>)
// CHECK: %[[ROUNDED:.*]] = arith.truncf
// CHECK: %[[WIDE:.*]] = arith.extf %[[ROUNDED]]
// CHECK: stc.matmul %[[WIDE]], %[[W]]
// CHECK: math.exp %[[G]]
// CHECK: %[[AGAIN:.*]] = arith.extf %[[ROUNDED]]
// CHECK-NEXT: %[[H:.*]] = stc.matmul %[[AGAIN]], %[[W]]
// CHECK-NEXT: math.tanh %[[H]]
// CHECK-NOT: %[[WIDE]]
func.func @product(%x: !x, %w: !w, %g: !h) -> !h {
  %square = arith.mulf %x, %x {stc.block = 0} : !x
  %rounded = arith.truncf %square {stc.block = 0} : !x to !b
  %wide = arith.extf %rounded {stc.block = 0} : !b to !x
  %h = stc.matmul %wide, %w {stc.block = 0} : !x, !w -> !h
  %t = math.tanh %h {stc.block = 0} : !h
  %e = math.exp %g {stc.backward} : !h
  %d = arith.mulf %e, %t {stc.backward} : !h
  return %d : !h
}

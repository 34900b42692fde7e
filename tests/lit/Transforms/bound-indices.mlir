// RUN: stc-opt %s --stc-bound-indices --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: func.func @embed(%{{.*}}: tensor<257x64xf32>, %{{.*}}: tensor<128xi32> {stc.below = 257 : i64})
func.func @embed(%table: tensor<257x64xf32>, %tokens: tensor<128xi32>) -> tensor<128x64xf32> {
  %e = stc.gather %table, %tokens : tensor<257x64xf32>, tensor<128xi32> -> tensor<128x64xf32>
  return %e : tensor<128x64xf32>
}

// The smaller of two tables, one of them by another shape; and rows that are added to one.
// CHECK: func.func @two(
// CHECK-SAME: tensor<6xi32> {stc.below = 5 : i64}, %{{.*}}: tensor<6xi32> {stc.below = 3 : i64})
func.func @two(%large: tensor<9x4xf32>, %small: tensor<5x4xf32>, %i: tensor<6xi32>, %j: tensor<6xi32>)
    -> (tensor<6x4xf32>, tensor<2x3x4xf32>, tensor<3x4xf32>) {
  %a = stc.gather %large, %i : tensor<9x4xf32>, tensor<6xi32> -> tensor<6x4xf32>
  %r = stc.reshape %i : tensor<6xi32> to tensor<2x3xi32>
  %b = stc.gather %small, %r : tensor<5x4xf32>, tensor<2x3xi32> -> tensor<2x3x4xf32>
  %c = stc.scatter_add %a, %j : tensor<6x4xf32>, tensor<6xi32> -> tensor<3x4xf32>
  return %a, %b, %c : tensor<6x4xf32>, tensor<2x3x4xf32>, tensor<3x4xf32>
}

// CHECK: func.func @row(
// CHECK-SAME: tensor<i32> {stc.below = 64 : i64, stc.name = "position"})
func.func @row(%q: tensor<1x1x2x16xf32>, %k: tensor<1x64x2x16xf32>, %v: tensor<1x64x2x16xf32>,
               %p: tensor<i32> {stc.name = "position"}) -> tensor<1x1x2x16xf32> {
  %i = stc.insert_row %q into %k at %p : tensor<1x1x2x16xf32> into tensor<1x64x2x16xf32>
  %o = stc.attention_row %q, %i, %v at %p scale 0.25 pattern <"fixed(8, 2)">
      : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x1x2x16xf32>
  return %o : tensor<1x1x2x16xf32>
}

// What is computed is nobody's input, and what chooses nothing has no bound. A smaller one stays.
// CHECK: func.func @others(%{{.*}}: tensor<4x8xf32>, %{{.*}}: tensor<6xi32>, %{{.*}}: tensor<6xi32> {stc.below = 2 : i64})
func.func @others(%table: tensor<4x8xf32>, %i: tensor<6xi32>, %j: tensor<6xi32> {stc.below = 2 : i64})
    -> (tensor<6x8xf32>, tensor<6x8xf32>) {
  %twice = arith.addi %i, %i : tensor<6xi32>
  %a = stc.gather %table, %twice : tensor<4x8xf32>, tensor<6xi32> -> tensor<6x8xf32>
  %b = stc.gather %table, %j : tensor<4x8xf32>, tensor<6xi32> -> tensor<6x8xf32>
  return %a, %b : tensor<6x8xf32>, tensor<6x8xf32>
}

// -----

// expected-error @+1 {{expected stc.below to be a positive integer, of an argument of integers, found 0 : i64 of 'tensor<6xi32>'}}
func.func @zero(%i: tensor<6xi32> {stc.below = 0 : i64}) {
  return
}

// -----

// expected-error @+1 {{expected stc.below to be a positive integer, of an argument of integers, found 3 : i64 of 'tensor<6xf32>'}}
func.func @floats(%i: tensor<6xf32> {stc.below = 3 : i64}) {
  return
}

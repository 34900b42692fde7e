// RUN: stc-opt %s --convert-tile-to-plan | FileCheck %s

// The sum takes over the memory of one operand in the first launch, the difference in the second:
// two kernels, though the same operand is overwritten. The third is as the first.
// CHECK-LABEL: plan.entry @f
// CHECK-NEXT: plan.launch @both items
// CHECK-NEXT: plan.launch @[[SUM:both_inplace_1[_0-9]*]] items
// CHECK-NEXT: plan.launch @[[DIFFERENCE:both_inplace_1[_0-9]*]] items
// CHECK-NEXT: plan.launch @[[SUM]] items
// CHECK: tile.kernel @[[DIFFERENCE]] kind "rows" (%[[A:.*]]: memref<4xf32>, %[[B:.*]]: memref<4xf32>, %[[S:.*]]: memref<4xf32>, %[[I:.*]]: index) {
// CHECK: %[[SUBTRACTED:.*]] = arith.subf
// CHECK: memref.store %[[SUBTRACTED]], %[[B]][%[[I]]]
// CHECK: tile.kernel @[[SUM]] kind "rows" (%[[A:.*]]: memref<4xf32>, %[[B:.*]]: memref<4xf32>, %[[D:.*]]: memref<4xf32>, %[[I:.*]]: index) {
// CHECK: %[[ADDED:.*]] = arith.addf
// CHECK: memref.store %[[ADDED]], %[[B]][%[[I]]]
func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0:2 = tile.launch @both(%x, %x) items 4 sizes [] tied [-1, -1] inplace [-1, -1] : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %1:2 = tile.launch @both(%x, %0#1) items 4 sizes [] tied [-1, -1] inplace [1, -1] : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %2:2 = tile.launch @both(%1#0, %1#1) items 4 sizes [] tied [-1, -1] inplace [-1, 1] : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %3:2 = tile.launch @both(%0#0, %2#1) items 4 sizes [] tied [-1, -1] inplace [1, -1] : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %2#0, %3#1 : tensor<4xf32>, tensor<4xf32>
}
tile.kernel @both kind "rows" (%a: memref<4xf32>, %b: memref<4xf32>, %sum: memref<4xf32>, %difference: memref<4xf32>, %item: index) {
  %0 = memref.load %a[%item] : memref<4xf32>
  %1 = memref.load %b[%item] : memref<4xf32>
  %2 = arith.addf %0, %1 : f32
  %3 = arith.subf %0, %1 : f32
  memref.store %2, %sum[%item] : memref<4xf32>
  memref.store %3, %difference[%item] : memref<4xf32>
  tile.return
}

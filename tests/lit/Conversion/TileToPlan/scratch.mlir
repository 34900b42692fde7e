// RUN: stc-opt %s --convert-tile-to-plan | FileCheck %s

// A cache that only sampling uses lies behind the parameters, and takes no memory of training.
// CHECK: plan.arena 4608
// CHECK: plan.variable parameter @w at 0 : tensor<64xf32>
// CHECK: plan.variable scratch @cache at 256 : tensor<1024xf32>
// CHECK: plan.entry @train {{.*}} peak 768 {
// CHECK: plan.entry @sample {{.*}} peak 4608 {
stc.variable scratch @cache : tensor<1024xf32>
stc.variable parameter @w : tensor<64xf32>

func.func @train(%x: tensor<64xf32>) -> tensor<64xf32> {
  %w = stc.read @w : tensor<64xf32>
  %y = tile.launch @add(%x, %w) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %y : tensor<64xf32>
}

func.func @sample(%x: tensor<64xf32>) {
  %w = stc.read @w : tensor<64xf32>
  %c = tile.launch @fill(%w) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>) -> tensor<1024xf32>
  stc.write @cache, %c : tensor<1024xf32>
  return
}

tile.kernel @add kind "rows" (%x: memref<64xf32>, %w: memref<64xf32>, %y: memref<64xf32>, %item: index) {
  tile.return
}
tile.kernel @fill kind "rows" (%w: memref<64xf32>, %y: memref<1024xf32>, %item: index) {
  tile.return
}

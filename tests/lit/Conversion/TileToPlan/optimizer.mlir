// RUN: stc-opt %s --convert-tile-to-plan | FileCheck %s

// Of each launch of the kernel a moment is a part; what is launched elsewhere, too, is no optimizer.
// CHECK: tile.kernel @update kind "optimizer"
// CHECK: tile.kernel @both kind "rows"
stc.variable parameter @w : tensor<64xf32>
stc.variable optimizer @m : tensor<64xf32>
func.func @step(%g: tensor<64xf32>) -> tensor<64xf32> {
  %w = stc.read @w : tensor<64xf32>
  %m = stc.read @m : tensor<64xf32>
  %0 = tile.launch @update(%m, %g) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = tile.launch @both(%m, %g) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %2 = tile.launch @both(%w, %1) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  stc.write @m, %0 : tensor<64xf32>
  return %2 : tensor<64xf32>
}
tile.kernel @update kind "rows" (%x: memref<64xf32>, %y: memref<64xf32>, %z: memref<64xf32>, %item: index) {
  tile.return
}
tile.kernel @both kind "rows" (%x: memref<64xf32>, %y: memref<64xf32>, %z: memref<64xf32>, %item: index) {
  tile.return
}

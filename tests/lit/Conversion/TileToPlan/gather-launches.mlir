// RUN: stc-opt %s --pass-pipeline='builtin.module(func.func(gather-launches))' --split-input-file | FileCheck %s

// The updates of two weights come together behind the gradient's norm, and writes are out of the way.
// CHECK-LABEL: func.func @updates(
// CHECK: tile.launch @other(
// CHECK-NEXT: tile.launch @update(
// CHECK-NEXT: tile.launch @update(
// CHECK-NEXT: stc.write @v
// CHECK-NEXT: stc.write @w
stc.variable parameter @v : tensor<64xf32>
stc.variable parameter @w : tensor<64xf32>
func.func @updates(%g: tensor<64xf32>, %h: tensor<64xf32>) {
  %v = stc.read @v : tensor<64xf32>
  %w = stc.read @w : tensor<64xf32>
  %0 = tile.launch @update(%v, %g) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  stc.write @v, %0 : tensor<64xf32>
  %1 = tile.launch @other(%h) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>) -> tensor<64xf32>
  %2 = tile.launch @update(%w, %1) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  stc.write @w, %2 : tensor<64xf32>
  return
}
tile.kernel @update kind "rows" (%x: memref<64xf32>, %y: memref<64xf32>, %z: memref<64xf32>, %item: index) {
  tile.return
}
tile.kernel @other kind "rows" (%x: memref<64xf32>, %y: memref<64xf32>, %item: index) {
  tile.return
}

// -----

// What is needed before stays where it is.
// CHECK-LABEL: func.func @needed(
// CHECK: tile.launch @update(
// CHECK-NEXT: tile.launch @other(
// CHECK-NEXT: tile.launch @update(
func.func @needed(%g: tensor<64xf32>) -> tensor<64xf32> {
  %0 = tile.launch @update(%g) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>) -> tensor<64xf32>
  %1 = tile.launch @other(%0) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>) -> tensor<64xf32>
  %2 = tile.launch @update(%1) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>) -> tensor<64xf32>
  return %2 : tensor<64xf32>
}
tile.kernel @update kind "rows" (%x: memref<64xf32>, %y: memref<64xf32>, %item: index) {
  tile.return
}
tile.kernel @other kind "rows" (%x: memref<64xf32>, %y: memref<64xf32>, %item: index) {
  tile.return
}

// -----

// So does what would keep a large operand alive for a small result.
// CHECK-LABEL: func.func @large(
// CHECK: tile.launch @make(
// CHECK-NEXT: tile.launch @sum(
// CHECK-NEXT: tile.launch @make(
// CHECK-NEXT: tile.launch @sum(
func.func @large() -> (tensor<f32>, tensor<f32>) {
  %0 = tile.launch @make() items 1 sizes [] tied [-1] inplace [-1] : () -> tensor<65536xf32>
  %1 = tile.launch @sum(%0) items 1 sizes [] tied [-1] inplace [-1] : (tensor<65536xf32>) -> tensor<f32>
  %2 = tile.launch @make() items 1 sizes [] tied [-1] inplace [-1] : () -> tensor<65536xf32>
  %3 = tile.launch @sum(%2) items 1 sizes [] tied [-1] inplace [-1] : (tensor<65536xf32>) -> tensor<f32>
  return %1, %3 : tensor<f32>, tensor<f32>
}
tile.kernel @make kind "rows" (%y: memref<65536xf32>, %item: index) {
  tile.return
}
tile.kernel @sum kind "rows" (%x: memref<65536xf32>, %y: memref<f32>, %item: index) {
  tile.return
}

// -----

// A write goes no further than the read of its variable.
// CHECK-LABEL: func.func @again(
// CHECK: stc.write @v
// CHECK-NEXT: stc.read @v
stc.variable parameter @v : tensor<64xf32>
func.func @again(%g: tensor<64xf32>) -> tensor<64xf32> {
  stc.write @v, %g : tensor<64xf32>
  %v = stc.read @v : tensor<64xf32>
  return %v : tensor<64xf32>
}

// -----

// Weights are made narrow at the start, where that takes less than they do.
// CHECK-LABEL: func.func @narrow(
// CHECK: stc.read @w
// CHECK-NEXT: tile.launch @cast(%{{.*}} : (tensor<64xf32>) -> tensor<64xbf16>
// CHECK-NEXT: tile.launch @cast(%{{.*}} : (tensor<64xf32>) -> tensor<64xbf16>
// CHECK-NEXT: tile.launch @use(
// CHECK-NEXT: tile.launch @use(
// CHECK-NEXT: tile.launch @wide(
// CHECK-NEXT: tile.launch @wide(
stc.variable parameter @v : tensor<64xf32>
stc.variable parameter @w : tensor<64xf32>
func.func @narrow(%x: tensor<64xf32>) -> (tensor<64xf32>, tensor<128xf32>, tensor<128xf32>) {
  %v = stc.read @v : tensor<64xf32>
  %w = stc.read @w : tensor<64xf32>
  %a = tile.launch @wide(%v) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>) -> tensor<128xf32>
  %0 = tile.launch @cast(%v) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>) -> tensor<64xbf16>
  %1 = tile.launch @use(%x, %0) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>, tensor<64xbf16>) -> tensor<64xf32>
  %2 = tile.launch @cast(%w) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>) -> tensor<64xbf16>
  %3 = tile.launch @use(%1, %2) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>, tensor<64xbf16>) -> tensor<64xf32>
  %b = tile.launch @wide(%w) items 1 sizes [] tied [-1] inplace [-1] : (tensor<64xf32>) -> tensor<128xf32>
  return %3, %a, %b : tensor<64xf32>, tensor<128xf32>, tensor<128xf32>
}
tile.kernel @cast kind "rows" (%x: memref<64xf32>, %y: memref<64xbf16>, %item: index) {
  tile.return
}
tile.kernel @wide kind "rows" (%x: memref<64xf32>, %y: memref<128xf32>, %item: index) {
  tile.return
}
tile.kernel @use kind "rows" (%x: memref<64xf32>, %y: memref<64xbf16>, %z: memref<64xf32>, %item: index) {
  tile.return
}

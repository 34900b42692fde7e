// RUN: stc-opt %s --stc-host --split-input-file | FileCheck %s

// A short row has one loop over whole vectors and what is left of it.
// CHECK: plan.kernel @short
// CHECK: llvm.fadd %{{.*}}, %{{.*}} : vector<16xf32>
// CHECK: llvm.fadd %{{.*}}, %{{.*}} : vector<16xf32>
// CHECK-NOT: llvm.fadd %{{.*}} : vector<16xf32>

// A long one has a second loop around it, over blocks of 64 vectors that start from zero.
// CHECK: plan.kernel @long
// CHECK: %[[ZERO:.*]] = llvm.mlir.constant(dense<0.000000e+00> : vector<16xf32>) : vector<16xf32>
// CHECK: %[[BLOCK:.*]] = llvm.mlir.constant(1024 : index) : i64
// CHECK: llvm.br ^{{.*}}(%{{.*}}, %[[ZERO]] : i64, vector<16xf32>)
// CHECK-NEXT: ^{{.*}}(%[[FIRST:.*]]: i64, %[[TOTAL:.*]]: vector<16xf32>):
// CHECK: llvm.add %[[FIRST]], %[[BLOCK]]
// CHECK: llvm.br ^{{.*}}(%[[FIRST]], %[[ZERO]] : i64, vector<16xf32>)
// CHECK-NEXT: ^{{.*}}(%{{.*}}: i64, %[[SUM:.*]]: vector<16xf32>):
// CHECK: llvm.fadd %[[SUM]], %{{.*}} : vector<16xf32>
// CHECK: llvm.fadd %[[TOTAL]], %[[SUM]] : vector<16xf32>
tile.kernel @short kind "rows" (%x: memref<1000xf32>, %y: memref<f32>, %item: index) {
  %c0 = arith.constant 0 : index
  %c1000 = arith.constant 1000 : index
  %sum = tile.sweep %j = %c0 to %c1000 -> (f32) {
    %v = memref.load %x[%j] : memref<1000xf32>
    tile.combine sum %v : f32
  }
  memref.store %sum, %y[] : memref<f32>
  tile.return
}
tile.kernel @long kind "rows" (%x: memref<20000xf32>, %y: memref<f32>, %item: index) {
  %c0 = arith.constant 0 : index
  %c20000 = arith.constant 20000 : index
  %sum = tile.sweep %j = %c0 to %c20000 -> (f32) {
    %v = memref.load %x[%j] : memref<20000xf32>
    tile.combine sum %v : f32
  }
  memref.store %sum, %y[] : memref<f32>
  tile.return
}

// RUN: stc-opt %s --convert-tile-to-host | FileCheck %s
// RUN: stc-opt %s --stc-host | FileCheck %s --check-prefix=LLVM

// Buffers are pointers of their own; scratch lies behind each other at multiples of 64 bytes.
// CHECK: plan.kernel @scale kind "pointwise" scratch 320 {
// CHECK: func.func @scale.body(
// CHECK-SAME: %[[X:.*]]: memref<1x1xf32> {llvm.align = 64 : i64, llvm.noalias}
// CHECK-SAME: %[[Y:.*]]: memref<4xf32> {llvm.align = 64 : i64, llvm.noalias}
// CHECK-SAME: %[[N:.*]]: index, %[[ITEM:.*]]: index
// CHECK-SAME: %[[SCRATCH:.*]]: memref<320xi8> {llvm.align = 64 : i64, llvm.noalias}) {
// CHECK: memref.reinterpret_cast %[[X]] to offset: [0], sizes: [%{{.*}}, 64], strides: [64, 1] : memref<1x1xf32> to memref<?x64xf32>
// CHECK: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-NEXT: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK: memref.view %[[SCRATCH]][%[[ZERO]]][] : memref<320xi8> to memref<3xf32>
// CHECK: %[[AFTER:.*]] = arith.constant 64 : index
// CHECK: memref.view %[[SCRATCH]][%[[AFTER]]][] : memref<320xi8> to memref<64xf32>
// CHECK: return

// LLVM: plan.kernel @scale kind "pointwise" scratch 320 {
// LLVM: llvm.func @scale(%[[BUFFERS:.*]]: !llvm.ptr, %[[SIZES:.*]]: !llvm.ptr, %[[ITEM:.*]]: i64, %[[SCRATCH:.*]]: !llvm.ptr) {
// LLVM-NEXT: %[[A:.*]] = llvm.getelementptr %[[BUFFERS]][0]
// LLVM-NEXT: %[[X:.*]] = llvm.load %[[A]] : !llvm.ptr -> !llvm.ptr
// LLVM-NEXT: %[[B:.*]] = llvm.getelementptr %[[BUFFERS]][1]
// LLVM-NEXT: %[[Y:.*]] = llvm.load %[[B]] : !llvm.ptr -> !llvm.ptr
// LLVM-NEXT: %[[C:.*]] = llvm.getelementptr %[[SIZES]][0]
// LLVM-NEXT: %[[N:.*]] = llvm.load %[[C]] : !llvm.ptr -> i64
// LLVM-NEXT: llvm.call @scale.body(%[[X]], %[[Y]], %[[N]], %[[ITEM]], %[[SCRATCH]])
// LLVM-NEXT: llvm.return
// LLVM: llvm.func internal @scale.body(%{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.noalias}
// LLVM-SAME: no_inline
// LLVM: vector<16xf32>
tile.kernel @scale kind "pointwise" (%x: memref<?x64xf32>, %y: memref<4xf32>, %n: index, %item: index) {
  %c0 = arith.constant 0 : index
  %small = tile.scratch : memref<3xf32>
  %row = tile.scratch : memref<64xf32>
  %factor = memref.load %y[%c0] : memref<4xf32>
  %factors = vector.broadcast %factor : f32 to vector<16xf32>
  %c16 = arith.constant 16 : index
  scf.for %j = %c0 to %n step %c16 {
    %v = vector.load %x[%item, %j] : memref<?x64xf32>, vector<16xf32>
    %w = arith.mulf %v, %factors : vector<16xf32>
    vector.store %w, %row[%j] : memref<64xf32>, vector<16xf32>
    vector.store %w, %x[%item, %j] : memref<?x64xf32>, vector<16xf32>
  }
  memref.store %factor, %small[%c0] : memref<3xf32>
  tile.return
}

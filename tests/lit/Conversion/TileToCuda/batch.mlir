// RUN: stc-opt %s --convert-tile-to-cuda=target=sm_90a | FileCheck %s

// A kernel that is launched by a batch has a table of launches. It finds the one of an item by halves,
// up to 1024, and there its buffers and its size.
// CHECK-LABEL: llvm.func @twice(
// CHECK-SAME: %[[TABLE:.*]]: !llvm.ptr<1>, %{{.*}}: i32, %{{.*}}: i32)
// CHECK: scf.for
// CHECK-COUNT-10: llvm.load
// CHECK: %[[X:.*]] = llvm.load
// CHECK: llvm.inttoptr %[[X]] : i64 to !llvm.ptr<1>
// CHECK: %[[Y:.*]] = llvm.load
// CHECK: llvm.inttoptr %[[Y]] : i64 to !llvm.ptr<1>
// CHECK: %[[SIZE:.*]] = llvm.load
// CHECK: %[[FIRST:.*]] = llvm.load
// CHECK: %[[START:.*]] = arith.index_cast %[[FIRST]]
// CHECK: arith.subi %{{.*}}, %[[START]]
tile.kernel @twice kind "rows" (%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %item: index) {
  %c32 = arith.constant 32 : index
  %first = arith.muli %item, %c32 : index
  %behind = arith.addi %first, %c32 : index
  %last = arith.minui %behind, %n : index
  tile.sweep %c = %first to %last {
    %e = memref.load %x[%c] : memref<?xf32>
    %two = arith.addf %e, %e : f32
    memref.store %two, %y[%c] : memref<?xf32>
    tile.combine
  }
  tile.return
} {tile.batched}

// RUN: stc-opt %s --batch-launches --split-input-file | FileCheck %s

// Neighbours that do not need each other are one launch, of a kernel of its own.
// CHECK-LABEL: plan.entry @apart
// CHECK-NEXT: plan.batch {
// CHECK-NEXT: plan.launch @twice_batch items 1 sizes [64] (0 :
// CHECK-NEXT: plan.launch @twice_batch items 1 sizes [32] (512 :
// CHECK-NEXT: }
// One that reads what another writes is not one of them.
// CHECK-LABEL: plan.entry @chain
// CHECK-NEXT: plan.launch @twice items
// CHECK-NEXT: plan.launch @twice items
// Nor one that writes what another reads.
// CHECK-LABEL: plan.entry @reuse
// CHECK-NEXT: plan.launch @twice items
// CHECK-NEXT: plan.launch @twice items
// Two that read the same may be.
// CHECK-LABEL: plan.entry @shared
// CHECK-NEXT: plan.batch {
// CHECK: tile.kernel @twice kind
// CHECK-NOT: tile.batched
// CHECK: tile.kernel @twice_batch
// CHECK: } {tile.batched}
plan.arena 4096
plan.entry @apart inputs [] outputs [] peak 4096 {
  plan.launch @twice items 1 sizes [64] (0 : tensor<64xf32>, 256 : tensor<64xf32>)
  plan.launch @twice items 1 sizes [32] (512 : tensor<32xf32>, 768 : tensor<32xf32>)
}
plan.entry @chain inputs [] outputs [] peak 4096 {
  plan.launch @twice items 1 sizes [64] (0 : tensor<64xf32>, 256 : tensor<64xf32>)
  plan.launch @twice items 1 sizes [32] (384 : tensor<32xf32>, 768 : tensor<32xf32>)
}
plan.entry @reuse inputs [] outputs [] peak 4096 {
  plan.launch @twice items 1 sizes [64] (0 : tensor<64xf32>, 256 : tensor<64xf32>)
  plan.launch @twice items 1 sizes [32] (512 : tensor<32xf32>, 128 : tensor<32xf32>)
}
plan.entry @shared inputs [] outputs [] peak 4096 {
  plan.launch @twice items 1 sizes [64] (0 : tensor<64xf32>, 256 : tensor<64xf32>)
  plan.launch @twice items 1 sizes [64] (0 : tensor<64xf32>, 512 : tensor<64xf32>)
}
tile.kernel @twice kind "rows" (%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %item: index) {
  %0 = memref.load %x[%item] : memref<?xf32>
  memref.store %0, %y[%item] : memref<?xf32>
  tile.return
}

// -----

// Attention is launched by itself.
// CHECK-LABEL: plan.entry @attend
// CHECK-NOT: plan.batch
plan.arena 4096
plan.entry @attend inputs [] outputs [] peak 4096 {
  plan.launch @attention items 1 sizes [] (0 : tensor<64xf32>)
  plan.launch @attention items 1 sizes [] (256 : tensor<64xf32>)
}
tile.kernel @attention kind "attention" (%x: memref<64xf32>, %item: index) {
  tile.return
}

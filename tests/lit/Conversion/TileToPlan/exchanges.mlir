// Collectives that start at about the same time go together, beside what does not need them.
// RUN: stc-opt %s --group-exchanges=bucket=2048 | FileCheck %s --check-prefix=GROUP
// RUN: stc-opt %s --group-exchanges=bucket=100000 | FileCheck %s --check-prefix=KINDS
// RUN: stc-opt %s --group-exchanges=bucket=2048 --convert-tile-to-plan | FileCheck %s

stc.variable parameter @a : tensor<16x8xf32> {stc.dealt = {data = 0}}
stc.variable parameter @b : tensor<4xf32> {stc.dealt = {data = 0}}
stc.variable parameter @c : tensor<4xf32> {stc.dealt = {data = 0}}

// What variables hold is sent at the start. The first exchange is full with @a, which has 2,048 bytes when it is
// whole; @b and @c go together. The sum of %y starts behind its product, and another product is computed before anybody
// needs it.
// GROUP-LABEL: func.func @step
// GROUP-NEXT: %[[A:.*]] = stc.read @a
// GROUP-NEXT: %[[AA:.*]] = tile.exchange(%[[A]])
// GROUP-NEXT: %[[B:.*]] = stc.read @b
// GROUP-NEXT: %[[C:.*]] = stc.read @c
// GROUP-NEXT: %[[BC:.*]]:2 = tile.exchange(%[[B]], %[[C]])
// GROUP-NEXT: %[[X:.*]] = stc.matmul %{{.*}}, %[[AA]]
// GROUP-NEXT: %[[Y:.*]] = tile.exchange(%[[X]]) [#tile.collective<all_reduce over "data" of 4 runs 1>]
// GROUP-NEXT: stc.matmul %{{.*}}, %[[AA]]
// GROUP-NEXT: return %[[Y]], %{{.*}}, %[[BC]]#0, %[[BC]]#1

// The planner keeps what is sent and what arrives until the wait.
// CHECK-LABEL: plan.entry @step inputs ["arg0" = {{[0-9]+}} : tensor<8x64xf32>]
// CHECK-NEXT: plan.exchange 0 [#tile.collective<all_gather over "data" of 4 runs 1>] from (0 : tensor<16x8xf32>) to ([[A:[0-9]+]] : tensor<64x8xf32>)
// CHECK-NEXT: plan.exchange 1 [#tile.collective<all_gather over "data" of 4 runs 1>, #tile.collective<all_gather over "data" of 4 runs 1>]
// CHECK-NEXT: plan.wait 0
// CHECK-NEXT: plan.gemm {{.*}} b <[[A]],
// CHECK-NEXT: plan.exchange 2
// CHECK-NEXT: plan.gemm
// CHECK-DAG: plan.wait 1
// CHECK-DAG: plan.wait 2
// CHECK: }
func.func @step(%x: tensor<8x64xf32> {stc.dealt = {data = 0}})
    -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<16xf32>, tensor<16xf32>) {
  %a = stc.read @a : tensor<16x8xf32>
  %aa = stc.all_gather %a dim 0 over "data" of 4 : tensor<16x8xf32> to tensor<64x8xf32>
  %y = stc.matmul %x, %aa : tensor<8x64xf32>, tensor<64x8xf32> -> tensor<8x8xf32>
  %z = stc.matmul %x, %aa : tensor<8x64xf32>, tensor<64x8xf32> -> tensor<8x8xf32>
  %s = stc.all_reduce sum %y over "data" of 4 : tensor<8x8xf32>
  %b = stc.read @b : tensor<4xf32>
  %bb = stc.all_gather %b dim 0 over "data" of 4 : tensor<4xf32> to tensor<16xf32>
  %c = stc.read @c : tensor<4xf32>
  %cc = stc.all_gather %c dim 0 over "data" of 4 : tensor<4xf32> to tensor<16xf32>
  return %s, %z, %bb, %cc : tensor<8x8xf32>, tensor<8x8xf32>, tensor<16xf32>, tensor<16xf32>
}

// What a variable holds after a write is not there from the start.
// GROUP-LABEL: func.func @written
// GROUP-NEXT: stc.write @b
// GROUP-NEXT: stc.read @b
// GROUP-NEXT: tile.exchange
func.func @written(%x: tensor<4xf32>) -> tensor<16xf32> {
  stc.write @b, %x : tensor<4xf32>
  %b = stc.read @b : tensor<4xf32>
  %bb = stc.all_gather %b dim 0 over "data" of 4 : tensor<4xf32> to tensor<16xf32>
  return %bb : tensor<16xf32>
}

// Parts of an inner dimension are runs.
// GROUP-LABEL: func.func @runs
// GROUP: tile.exchange(%{{.*}}) [#tile.collective<all_gather over "data" of 2 runs 6>] : (tensor<2x3x4xf32>) -> tensor<2x3x8xf32>
// GROUP: tile.exchange(%{{.*}}) [#tile.collective<all_slice over "data" of 2 runs 2>]
// GROUP: tile.exchange(%{{.*}}, %{{.*}}, %{{.*}}) [#tile.collective<reduce_scatter over "data" of 2 runs 6>, #tile.collective<all_max over "data" of 2 runs 1>, #tile.collective<all_to_all over "data" of 2 runs 6>]
func.func @runs(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x8xf32>, tensor<2x3x4xf32>) {
  %g = stc.all_gather %x dim 2 over "data" of 2 : tensor<2x3x4xf32> to tensor<2x3x8xf32>
  %r = stc.reshape %g : tensor<2x3x8xf32> to tensor<2x6x4xf32>
  %s = stc.all_slice %r dim 1 over "data" of 2 : tensor<2x6x4xf32> to tensor<2x3x4xf32>
  %t = stc.reduce_scatter %g dim 2 over "data" of 2 : tensor<2x3x8xf32> to tensor<2x3x4xf32>
  %m = stc.all_reduce max %g over "data" of 2 : tensor<2x3x8xf32>
  %e = stc.all_to_all %s dim 2 over "data" of 2 : tensor<2x3x4xf32>
  return %s, %t, %m, %e : tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x8xf32>, tensor<2x3x4xf32>
}

// An exchange of the start is under way while the one before is used: that of the fourth starts when the second is.
// GROUP-LABEL: func.func @turns
// GROUP-COUNT-3: tile.exchange
// GROUP-NEXT: stc.matmul
// GROUP-NEXT: tile.exchange
// GROUP-NEXT: stc.matmul
// GROUP-NEXT: stc.matmul
// GROUP-NEXT: stc.matmul
func.func @turns(%x: tensor<8x64xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %a = stc.read @a : tensor<16x8xf32>
  %b = stc.read @a : tensor<16x8xf32>
  %c = stc.read @a : tensor<16x8xf32>
  %d = stc.read @a : tensor<16x8xf32>
  %aa = stc.all_gather %a dim 0 over "data" of 4 : tensor<16x8xf32> to tensor<64x8xf32>
  %0 = stc.matmul %x, %aa : tensor<8x64xf32>, tensor<64x8xf32> -> tensor<8x8xf32>
  %bb = stc.all_gather %b dim 0 over "data" of 4 : tensor<16x8xf32> to tensor<64x8xf32>
  %1 = stc.matmul %x, %bb : tensor<8x64xf32>, tensor<64x8xf32> -> tensor<8x8xf32>
  %cc = stc.all_gather %c dim 0 over "data" of 4 : tensor<16x8xf32> to tensor<64x8xf32>
  %2 = stc.matmul %x, %cc : tensor<8x64xf32>, tensor<64x8xf32> -> tensor<8x8xf32>
  %dd = stc.all_gather %d dim 0 over "data" of 4 : tensor<16x8xf32> to tensor<64x8xf32>
  %3 = stc.matmul %x, %dd : tensor<8x64xf32>, tensor<64x8xf32> -> tensor<8x8xf32>
  return %0, %1, %2, %3 : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}

// What is needed before others fill a bucket does not wait for them (%y, and the last two), and what is small waits
// for what is small alone.
// KINDS-LABEL: func.func @kinds
// KINDS: %[[FIRST:.*]] = stc.matmul
// KINDS-NEXT: %[[SMALL:.*]] = stc.matmul {{.*}} -> tensor<8x128xf32>
// KINDS-NEXT: %[[Y:.*]] = stc.matmul
// KINDS-NEXT: %[[YY:.*]] = tile.exchange(%[[Y]])
// KINDS-NEXT: %[[SECOND:.*]] = stc.matmul %[[YY]]
// KINDS-NEXT: tile.exchange(%[[FIRST]], %[[SECOND]])
// KINDS-NEXT: %[[OTHER:.*]] = stc.matmul {{.*}} -> tensor<8x128xf32>
// KINDS-NEXT: tile.exchange(%[[SMALL]], %[[OTHER]])
// KINDS-NEXT: %[[M:.*]] = stc.matmul
// KINDS-NEXT: %[[N:.*]] = stc.matmul
// KINDS-NEXT: tile.exchange(%[[M]], %[[N]])
func.func @kinds(%v: tensor<8x128xf32>, %w: tensor<128x128xf32>)
    -> (tensor<32x128xf32>, tensor<8x128xf32>, tensor<32x128xf32>, tensor<8x128xf32>, tensor<32x128xf32>, tensor<32x128xf32>) {
  %0 = stc.matmul %w, %w : tensor<128x128xf32>, tensor<128x128xf32> -> tensor<128x128xf32>
  %first = stc.reduce_scatter %0 dim 0 over "data" of 4 : tensor<128x128xf32> to tensor<32x128xf32>
  %1 = stc.matmul %v, %w : tensor<8x128xf32>, tensor<128x128xf32> -> tensor<8x128xf32>
  %small = stc.all_reduce sum %1 over "data" of 4 : tensor<8x128xf32>
  %2 = stc.matmul %w, %w : tensor<128x128xf32>, tensor<128x128xf32> -> tensor<128x128xf32>
  %y = stc.all_reduce sum %2 over "data" of 4 : tensor<128x128xf32>
  %3 = stc.matmul %y, %w : tensor<128x128xf32>, tensor<128x128xf32> -> tensor<128x128xf32>
  %second = stc.reduce_scatter %3 dim 0 over "data" of 4 : tensor<128x128xf32> to tensor<32x128xf32>
  %4 = stc.matmul %v, %w : tensor<8x128xf32>, tensor<128x128xf32> -> tensor<8x128xf32>
  %other = stc.all_reduce sum %4 over "data" of 4 : tensor<8x128xf32>
  %5 = stc.matmul %w, %w : tensor<128x128xf32>, tensor<128x128xf32> -> tensor<128x128xf32>
  %m = stc.reduce_scatter %5 dim 0 over "data" of 4 : tensor<128x128xf32> to tensor<32x128xf32>
  %6 = stc.matmul %w, %w : tensor<128x128xf32>, tensor<128x128xf32> -> tensor<128x128xf32>
  %n = stc.reduce_scatter %6 dim 0 over "data" of 4 : tensor<128x128xf32> to tensor<32x128xf32>
  return %first, %small, %second, %other, %m, %n
      : tensor<32x128xf32>, tensor<8x128xf32>, tensor<32x128xf32>, tensor<8x128xf32>, tensor<32x128xf32>, tensor<32x128xf32>
}

// What sends on the results of others waits for no group of theirs to end.
// KINDS-LABEL: func.func @grid
// KINDS: %[[M:.*]] = stc.matmul
// KINDS-NEXT: %[[N:.*]] = stc.matmul
// KINDS-NEXT: %[[MN:.*]]:2 = tile.exchange(%[[M]], %[[N]]) [#tile.collective<reduce_scatter over "context" of 2
// KINDS-NEXT: %[[ALL:.*]]:2 = tile.exchange(%[[MN]]#0, %[[MN]]#1) [#tile.collective<reduce_scatter over "data" of 4
// KINDS-NEXT: return %[[ALL]]#0, %[[ALL]]#1
func.func @grid(%w: tensor<128x128xf32>) -> (tensor<16x128xf32>, tensor<16x128xf32>) {
  %0 = stc.matmul %w, %w : tensor<128x128xf32>, tensor<128x128xf32> -> tensor<128x128xf32>
  %1 = stc.reduce_scatter %0 dim 0 over "context" of 2 : tensor<128x128xf32> to tensor<64x128xf32>
  %2 = stc.reduce_scatter %1 dim 0 over "data" of 4 : tensor<64x128xf32> to tensor<16x128xf32>
  %3 = stc.matmul %w, %w : tensor<128x128xf32>, tensor<128x128xf32> -> tensor<128x128xf32>
  %4 = stc.reduce_scatter %3 dim 0 over "context" of 2 : tensor<128x128xf32> to tensor<64x128xf32>
  %5 = stc.reduce_scatter %4 dim 0 over "data" of 4 : tensor<64x128xf32> to tensor<16x128xf32>
  return %2, %5 : tensor<16x128xf32>, tensor<16x128xf32>
}

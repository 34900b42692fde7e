// Attention on parts of positions: queries of a device over its own keys, and over those of others.
// RUN: stc-opt %s --split-input-file --stc-distribute="axis=context count=2 exchange=rows" --canonicalize | FileCheck %s
// RUN: stc-opt %s --split-input-file --stc-distribute="axis=context count=2 exchange=rows block=8" --canonicalize | FileCheck %s --check-prefix=BLOCKS

// The last two of each eight keys are sent before a device's own keys are met. In blocks, they are put in order.
// CHECK-LABEL: func.func @summary
// CHECK-SAME: (%[[Q:[a-z0-9]+]]: tensor<1x32x2x16xf32> {{.*}}, %[[K:[a-z0-9]+]]: tensor<1x32x2x16xf32> {{.*}}, %[[V:[a-z0-9]+]]: tensor<1x32x2x16xf32>
// CHECK: %[[TABLE:.*]] = stc.reshape %[[K]] {stc.block = 3 : i64} : tensor<1x32x2x16xf32> to tensor<32x32xf32>
// CHECK: %[[PICKED:.*]] = stc.gather %[[TABLE]], %[[LAST:.*]] {stc.block = 3 : i64} : tensor<32x32xf32>, tensor<8xi32> -> tensor<8x32xf32>
// CHECK: %[[ROWS:.*]] = stc.reshape %[[PICKED]] {stc.block = 3 : i64} : tensor<8x32xf32> to tensor<1x1x256xf32>
// CHECK: %[[SENT:.*]] = stc.all_gather %[[ROWS]] dim 0 over "context" of 2 {stc.block = 3 : i64} : tensor<1x1x256xf32> to tensor<2x1x256xf32>
// CHECK: stc.gather %{{.*}}, %[[LAST]]
// CHECK: stc.all_gather
// CHECK: %[[OWN:.*]], %[[SUM:.*]] = stc.attention %[[Q]], %[[K]], %[[V]] scale 2.500000e-01 pattern <"fixed(8, 2)"> {stc.block = 3 : i64}
// CHECK: %[[KEYS:.*]] = stc.reshape %[[SENT]] {{.*}} to tensor<1x16x2x16xf32>
// CHECK: %[[R:.*]] = stc.rank over "context" of 2
// CHECK: %[[O:.*]], %{{.*}} = stc.attention_chunk %[[Q]], %[[KEYS]], %{{.*}} chunk %[[R]] of 2 block 32 keys <8, 6, 2> from %[[OWN]], %[[SUM]] scale 2.500000e-01 pattern <"(fixed(8, 2)) - { [i] -> [j] : floor(i/32) = floor(j/32) }"> {stc.block = 3 : i64}
// CHECK: return %[[O]]
// BLOCKS-LABEL: func.func @summary
// BLOCKS: stc.all_slice %{{.*}} dim 2 over "context" of 2 : tensor<1x4x16x2x16xf32> to tensor<1x4x8x2x16xf32>
// BLOCKS: %[[SENT:.*]] = stc.all_gather %{{.*}} : tensor<1x4x64xf32> to tensor<2x4x64xf32>
// BLOCKS: stc.attention %{{.*}} pattern <"(fixed(8, 2)) & { [i] -> [j] : floor(i/8) = floor(j/8) }">
// BLOCKS: %[[TABLE:.*]] = stc.reshape %[[SENT]] {{.*}} to tensor<8x64xf32>
// BLOCKS: stc.gather %[[TABLE]]
// BLOCKS: stc.attention_chunk %{{.*}} of 2 block 8 keys <8, 6, 2>
func.func @summary(%q: tensor<1x64x2x16xf32> {stc.dealt = {context = 1}}, %k: tensor<1x64x2x16xf32> {stc.dealt = {context = 1}},
                   %v: tensor<1x64x2x16xf32> {stc.dealt = {context = 1}})
    -> (tensor<1x64x2x16xf32> {stc.dealt = {context = 1}}) {
  %o, %l = stc.attention %q, %k, %v scale 0.25 pattern <"fixed(8, 2)"> {stc.block = 3 : i64}
      : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x64x2x16xf32>, tensor<1x2x64xf32>
  return %o : tensor<1x64x2x16xf32>
}

// -----

// Nothing of others.
// CHECK-LABEL: func.func @block
// CHECK-NOT: stc.all
// CHECK: stc.attention %{{.*}} pattern <"block(4)">
// CHECK-NOT: stc.attention_chunk
// CHECK: return
func.func @block(%q: tensor<1x32x2x16xf32> {stc.dealt = {context = 1}}) -> (tensor<1x32x2x16xf32> {stc.dealt = {context = 1}}) {
  %o, %l = stc.attention %q, %q, %q scale 0.25 pattern <"block(4)">
      : tensor<1x32x2x16xf32>, tensor<1x32x2x16xf32>, tensor<1x32x2x16xf32> -> tensor<1x32x2x16xf32>, tensor<1x2x32xf32>
  return %o : tensor<1x32x2x16xf32>
}

// -----

// Of a pattern that is another one in each chunk all keys are gathered. Three heads are no obstacle.
// CHECK-LABEL: func.func @sinks
// CHECK-NOT: stc.attention %
// CHECK: stc.attention_chunk %{{.*}} of 2 block 16 keys <1, 0, 1> scale 2.500000e-01 pattern <"local(2) | sinks(1)">
func.func @sinks(%q: tensor<1x32x3x16xf32> {stc.dealt = {context = 1}}) -> (tensor<1x32x3x16xf32> {stc.dealt = {context = 1}}) {
  %o, %l = stc.attention %q, %q, %q scale 0.25 pattern <"local(2) | sinks(1)">
      : tensor<1x32x3x16xf32>, tensor<1x32x3x16xf32>, tensor<1x32x3x16xf32> -> tensor<1x32x3x16xf32>, tensor<1x3x32xf32>
  return %o : tensor<1x32x3x16xf32>
}

// -----

// What keys get from queries of other devices goes to where they are.
// CHECK-LABEL: func.func @gradient
// CHECK: %{{.*}}, %[[DK:.*]], %[[DV:.*]] = stc.attention_chunk_grad
// CHECK: %[[SUMS:.*]] = stc.reshape %[[DK]] : tensor<1x16x2x16xf32> to tensor<2x1x256xf32>
// CHECK: %[[OTHERS:.*]] = stc.reduce_scatter %[[SUMS]] dim 0 over "context" of 2 : tensor<2x1x256xf32> to tensor<1x1x256xf32>
// CHECK: %{{.*}}, %[[OWN:.*]], %{{.*}} = stc.attention_grad
// CHECK: %[[THESE:.*]] = stc.broadcast %{{.*}} dims [1] : tensor<32xi1> to tensor<1x32x2x16xi1>
// CHECK: %[[TABLE:.*]] = stc.reshape %[[OTHERS]] : tensor<1x1x256xf32> to tensor<8x32xf32>
// CHECK: %[[PICKED:.*]] = stc.gather %[[TABLE]], %{{.*}} : tensor<8x32xf32>, tensor<32xi32> -> tensor<32x32xf32>
// CHECK: %[[ROWS:.*]] = stc.reshape %[[PICKED]] : tensor<32x32xf32> to tensor<1x32x2x16xf32>
// CHECK: %[[MORE:.*]] = arith.select %[[THESE]], %[[ROWS]], %{{.*}} : tensor<1x32x2x16xi1>, tensor<1x32x2x16xf32>
// CHECK: arith.addf %[[OWN]], %[[MORE]]
func.func @gradient(%q: tensor<1x64x2x16xf32> {stc.dealt = {context = 1}}, %l: tensor<1x2x64xf32> {stc.dealt = {context = 2}})
    -> (tensor<1x64x2x16xf32> {stc.dealt = {context = 1}}) {
  %d:3 = stc.attention_grad %q, %q, %q, %q, %l, %q scale 0.25 pattern <"fixed(8, 2)">
      : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x2x64xf32>,
        tensor<1x64x2x16xf32> -> tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
  return %d#1 : tensor<1x64x2x16xf32>
}

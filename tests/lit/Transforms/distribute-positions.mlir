// Attention on parts of positions: heads of all positions, and back.
// RUN: stc-opt %s --split-input-file --stc-distribute="axis=context count=2 exchange=heads" --canonicalize --verify-diagnostics | FileCheck %s

// Of one sequence, parts of heads are put side by side by a change of rows, and what is received lies as it should.
// CHECK-LABEL: func.func @attention
// CHECK-SAME: (%[[Q:[a-z0-9]+]]: tensor<1x4x2x16xf32> {stc.dealt = {context = 1 : i64}}, %[[K:[a-z0-9]+]]: tensor<1x4x2x16xf32>
// CHECK: %[[ROWS:.*]] = stc.reshape %[[Q]] {{.*}}: tensor<1x4x2x16xf32> to tensor<8x16xf32>
// CHECK: %[[BY_HEADS:.*]] = stc.gather %[[ROWS]], %[[PLACES:.*]] {stc.block = 3 : i64} : tensor<8x16xf32>, tensor<8xi32> -> tensor<8x16xf32>
// CHECK: %[[PARTS:.*]] = stc.reshape %[[BY_HEADS]] {{.*}}: tensor<8x16xf32> to tensor<2x1x4x1x16xf32>
// CHECK: %[[SENT_Q:.*]] = stc.all_to_all %[[PARTS]] dim 0 over "context" of 2 {stc.block = 3 : i64} : tensor<2x1x4x1x16xf32>
// CHECK: stc.reshape %[[K]]
// CHECK: %[[SENT_K:.*]] = stc.all_to_all
// CHECK: %[[SENT_V:.*]] = stc.all_to_all
// CHECK: %[[QUERY:.*]] = stc.reshape %[[SENT_Q]] {{.*}} to tensor<1x8x1x16xf32>
// CHECK: %[[KEY:.*]] = stc.reshape %[[SENT_K]] {{.*}} to tensor<1x8x1x16xf32>
// CHECK: %[[OUT:.*]], %[[SUM:.*]] = stc.attention %[[QUERY]], %[[KEY]], %{{.*}} -> tensor<1x8x1x16xf32>, tensor<1x1x8xf32>
// CHECK: %[[BACK:.*]] = stc.reshape %[[OUT]] {{.*}} to tensor<2x1x4x1x16xf32>
// CHECK: stc.all_to_all %[[BACK]] dim 0 over "context" of 2
// CHECK: stc.gather
// CHECK: %[[RESULT:.*]] = stc.reshape %{{.*}} to tensor<1x4x2x16xf32>
// CHECK: return %[[RESULT]] : tensor<1x4x2x16xf32>
func.func @attention(%q: tensor<1x8x2x16xf32> {stc.dealt = {context = 1}}, %k: tensor<1x8x2x16xf32> {stc.dealt = {context = 1}},
                     %v: tensor<1x8x2x16xf32> {stc.dealt = {context = 1}})
    -> (tensor<1x8x2x16xf32> {stc.dealt = {context = 1}}) {
  %o, %l = stc.attention %q, %k, %v scale 0.25 pattern <"fixed(4, 1)"> {stc.block = 3 : i64}
      : tensor<1x8x2x16xf32>, tensor<1x8x2x16xf32>, tensor<1x8x2x16xf32> -> tensor<1x8x2x16xf32>, tensor<1x2x8xf32>
  return %o : tensor<1x8x2x16xf32>
}

// -----

// Operands that are in parts by heads stay so, and so does the result.
// CHECK-LABEL: func.func @heads
// CHECK-NOT: stc.all_to_all
// CHECK: stc.attention {{.*}} -> tensor<1x1x8x16xf32>, tensor<1x1x8xf32>
// CHECK-NOT: stc.all_to_all
// CHECK: return
func.func @heads(%q: tensor<1x2x8x16xf32> {stc.dealt = {context = 1}}, %k: tensor<1x2x8x16xf32> {stc.dealt = {context = 1}},
                 %v: tensor<1x2x8x16xf32> {stc.dealt = {context = 1}})
    -> (tensor<1x2x8x16xf32> {stc.dealt = {context = 1}}) {
  %o, %l = stc.attention %q, %k, %v scale 0.25 pattern <"dense"> layout head_major
      : tensor<1x2x8x16xf32>, tensor<1x2x8x16xf32>, tensor<1x2x8x16xf32> -> tensor<1x2x8x16xf32>, tensor<1x2x8xf32>
  return %o : tensor<1x2x8x16xf32>
}

// -----

// Of numbers that depend on their place each device makes its own, also where sequences are dealt already.
// CHECK-LABEL: func.func @places
// CHECK: %[[R:.*]] = stc.rank over "context" of 2
// CHECK: stc.random uniform seed %{{.*}} step %{{.*}} stream 7 part %{{.*}}, %[[R]] of [4, 2] runs [48, 12] : tensor<2x4x3xf32>
func.func @places(%x: tensor<2x8x3xf32> {stc.dealt = {context = 1}}, %seed: tensor<i64>)
    -> (tensor<2x8x3xf32> {stc.dealt = {context = 1}}) {
  %d = stc.rank over "data" of 4 : tensor<i32>
  %r = stc.random uniform seed %seed step %seed stream 7 part %d of [4] runs [48] : tensor<2x8x3xf32>
  %y = arith.mulf %x, %r : tensor<2x8x3xf32>
  return %y : tensor<2x8x3xf32>
}

// -----

// Rows of a table that all have, by indices that all know.
// CHECK-LABEL: func.func @rows
// CHECK: stc.gather %{{.*}}, %{{.*}} : tensor<5x3xf32>, tensor<4xi32> -> tensor<4x3xf32>
func.func @rows(%x: tensor<8x3xf32> {stc.dealt = {context = 0}}, %table: tensor<5x3xf32>)
    -> (tensor<8x3xf32> {stc.dealt = {context = 0}}) {
  %i = stc.iota 0 : tensor<8xi32>
  %p = stc.gather %table, %i : tensor<5x3xf32>, tensor<8xi32> -> tensor<8x3xf32>
  %y = arith.addf %x, %p : tensor<8x3xf32>
  return %y : tensor<8x3xf32>
}

// -----

// Queries in residues are no run of positions.
func.func @odd(%q: tensor<1x64x3x16xf32> {stc.dealt = {context = 1}}) -> tensor<1x64x3x16xf32> {
  // expected-error @+1 {{expected heads that 2 devices along "context" divide, or a pattern whose queries are seen in runs of positions, found 3 and #stc.pattern<"stride(2)">}}
  %o, %l = stc.attention %q, %q, %q scale 0.25 pattern <"stride(2)">
      : tensor<1x64x3x16xf32>, tensor<1x64x3x16xf32>, tensor<1x64x3x16xf32> -> tensor<1x64x3x16xf32>, tensor<1x3x64xf32>
  return %o : tensor<1x64x3x16xf32>
}

// -----

func.func @in_turn(%q: tensor<1x64x2x16xf32> {stc.dealt = {context = 1}}) -> tensor<1x64x2x16xf32> {
  // expected-error @+1 {{expected heads of each of 2 devices along "context" that take all patterns in turn, found #stc.pattern<"local(2)", "stride(2)"> for 2 heads}}
  %o, %l = stc.attention %q, %q, %q scale 0.25 pattern <"local(2)", "stride(2)">
      : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x64x2x16xf32>, tensor<1x2x64xf32>
  return %o : tensor<1x64x2x16xf32>
}

// RUN: stc-opt %s --convert-stc-to-tile --split-input-file --verify-diagnostics | FileCheck %s

// The window in one kernel, then the stride, whose residues are 16 dense problems; it goes on from the
// results of the first, in their memory.
// CHECK-LABEL: func.func @strided(
// CHECK-SAME: %[[Q:.*]]: tensor<1x256x4x16xf32>, %[[K:.*]]: tensor<1x256x4x16xf32>, %[[V:.*]]: tensor<1x256x4x16xf32>)
// CHECK-NEXT: %[[A:.*]]:2 = tile.launch @attention(%[[Q]], %[[K]], %[[V]]) items 8 sizes [] tied [-1, -1] inplace [-1, -1]
// CHECK-NEXT: %[[B:.*]]:2 = tile.launch @attention_0(%[[Q]], %[[K]], %[[V]], %[[A]]#0, %[[A]]#1) items 64 sizes [] tied [3, 4] inplace [-1, -1]
// CHECK-NEXT: return %[[B]]#0
// CHECK: tile.kernel @attention kind "attention"
// CHECK: tile.attention {{.*}} view <1, 0, 1, 1> rows 128 strip 16 scale 2.500000e-01 {
// CHECK-NEXT: tile.walk view <1, 0, 1, 1> bounds {
// CHECK-NOT: tile.walk
// CHECK: tile.kernel @attention_0 kind "attention"
// CHECK: tile.attention {{.*}} view <16, 0, 1, 16> rows 16 strip 16 scale 2.500000e-01 resume nonempty {
// CHECK-NEXT: tile.walk view <16, 0, 1, 16> bounds {
// CHECK-NOT: tile.walk
// CHECK: tile.return
!x = tensor<1x256x4x16xf32>
!l = tensor<1x4x256xf32>
func.func @strided(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"strided(16)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Of every fourth block of 16, the residues are 4 dense problems of 64 rows.
// CHECK-LABEL: func.func @blocks(
// CHECK-NEXT: tile.launch @attention({{.*}}) items 16
// CHECK-NEXT: return
// CHECK: tile.attention {{.*}} view <64, 0, 16, 4> rows 64
// CHECK-NEXT: tile.walk view <64, 0, 16, 4> bounds {
// CHECK: mask {
// CHECK-NEXT: ^bb0(%{{.*}}: index, %[[A:.*]]: index, %[[B:.*]]: index):
// CHECK: %[[LESS:.*]] = arith.muli %[[B]], %{{.*}} : index
// CHECK-NEXT: %[[BEFORE:.*]] = arith.addi %[[A]], %[[LESS]] : index
// CHECK-NOT: arith.floordivsi
// CHECK: %[[IN:.*]] = arith.cmpi sge, %[[BEFORE]], %{{.*}} : index
// CHECK-NEXT: tile.yield %[[IN]] : i1
// CHECK-NOT: tile.walk
// CHECK: tile.return
!x = tensor<1x256x4x16xf32>
!l = tensor<1x4x256xf32>
func.func @blocks(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"blocks(16, 4)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Both parts leave the queries as they are: one kernel with two walks, the second over compacted keys.
// CHECK-LABEL: func.func @fixed(
// CHECK-NEXT: tile.launch @attention(
// CHECK-NEXT: return
// CHECK: tile.attention {{.*}} view <1, 0, 1, 1> rows 128
// CHECK-NEXT: tile.walk view <1, 0, 1, 1> bounds {
// CHECK: tile.walk view <32, 24, 8, 1> bounds {
// CHECK: tile.return
!x = tensor<1x256x4x16xf32>
!l = tensor<1x4x256xf32>
func.func @fixed(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"fixed(32, 8)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Heads take three patterns in turn: heads 0 and 3, head 1, head 2.
// CHECK-LABEL: func.func @heads(
// CHECK-NEXT: %[[A:.*]]:2 = tile.launch @attention(%{{.*}}, %{{.*}}, %{{.*}}) items 4
// CHECK-NEXT: %[[B:.*]]:2 = tile.launch @attention_0({{.*}}, %[[A]]#0, %[[A]]#1) items 2 sizes [] tied [3, 4]
// CHECK-NEXT: %[[C:.*]]:2 = tile.launch @attention_1({{.*}}, %[[B]]#0, %[[B]]#1) items 2 sizes [] tied [3, 4]
// CHECK-NEXT: return %[[C]]#0
// CHECK: tile.kernel @attention kind
// CHECK: %[[HEAD:.*]] = arith.muli %{{.*}}, %c3
// CHECK: tile.attention {{.*}} at[%{{[^ ]*}}, %[[HEAD]], {{.*}} view <1, 0, 1, 1> rows 128 strip 16 scale 2.500000e-01 nonempty {
// CHECK: tile.kernel @attention_0
// CHECK: tile.attention {{.*}} scale 2.500000e-01 {
// CHECK-NEXT: tile.walk view <32, 24, 8, 1>
// CHECK: tile.kernel @attention_1
// CHECK: tile.attention {{.*}} scale 2.500000e-01 nonempty {
!x = tensor<1x256x4x16xf32>
!l = tensor<1x4x256xf32>
func.func @heads(%q: !x, %k: !x, %v: !x) -> !x {
  // expected-warning @+1 {{pattern "summary(32, 8)" has no key for some queries, whose output is zero: 0 to 23}}
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"block(32)", "summary(32, 8)", "dense"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Query, key and value are read where the projection has them, and the gradients written side by side.
// CHECK-LABEL: func.func @projection(
// CHECK-SAME: %[[QKV:.*]]: tensor<2x64x48xf32>, %[[DO:.*]]: tensor<2x64x16xf32>)
// CHECK-NEXT: %[[A:.*]]:2 = tile.launch @attention(%[[QKV]]) items 4
// CHECK-NEXT: %[[D:.*]] = tile.launch @attention_grad(%[[QKV]], %[[A]]#0, %[[DO]], %[[A]]#1) items 4 sizes [] tied [-1] {{.*}} -> tensor<2x64x48xf32>
// CHECK-NEXT: %[[O:.*]] = stc.reshape %[[A]]#0
// CHECK-NEXT: return %[[O]], %[[D]]
// CHECK: tile.kernel @attention kind "attention" (%[[P:.*]]: memref<2x64x48xf32>,
// CHECK: %[[Q:.*]] = memref.reinterpret_cast %[[P]] to offset: [0], sizes: [2, 64, 2, 8], strides: [3072, 48, 8, 1]
// CHECK: %[[K:.*]] = memref.reinterpret_cast %[[P]] to offset: [16], sizes: [2, 64, 2, 8], strides: [3072, 48, 8, 1]
// CHECK: %[[V:.*]] = memref.reinterpret_cast %[[P]] to offset: [32], sizes: [2, 64, 2, 8], strides: [3072, 48, 8, 1]
// CHECK: tile.attention query %[[Q]] key %[[K]] value %[[V]]
// CHECK: tile.kernel @attention_grad kind "attention" ({{.*}} %[[R:[^ ]*]]: memref<2x64x48xf32>, %{{[^ ]*}}: index) {
// CHECK: %[[DQ:.*]] = memref.reinterpret_cast %[[R]] to offset: [0]
// CHECK: %[[DK:.*]] = memref.reinterpret_cast %[[R]] to offset: [16]
// CHECK: %[[DV:.*]] = memref.reinterpret_cast %[[R]] to offset: [32]
// CHECK: tile.attention_grad {{.*}} query_grad %[[DQ]] key_grad %[[DK]] value_grad %[[DV]]
!x = tensor<2x64x2x8xf32>
!l = tensor<2x2x64xf32>
!p = tensor<2x64x16xf32>
!qkv = tensor<2x64x48xf32>
func.func @projection(%qkv: !qkv, %do: !p) -> (!p, !qkv) {
  %parts:3 = stc.split %qkv : !qkv to !p, !p, !p
  %q = stc.reshape %parts#0 : !p to !x
  %k = stc.reshape %parts#1 : !p to !x
  %v = stc.reshape %parts#2 : !p to !x
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"dense"> : !x, !x, !x -> !x, !l
  %g = stc.reshape %do : !p to !x
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %g scale 0.25 pattern <"dense">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  %0 = stc.reshape %dq : !x to !p
  %1 = stc.reshape %dk : !x to !p
  %2 = stc.reshape %dv : !x to !p
  %d = stc.concat %0, %1, %2 : !p, !p, !p to !qkv
  %r = stc.reshape %o : !x to !p
  return %r, %d : !p, !qkv
}

// -----

// Equal layers share their kernels; another scale is another kernel. Tiles are of whole strips.
!x = tensor<1x40x1x8xf32>
!l = tensor<1x1x40xf32>
// CHECK-LABEL: func.func @layers(
// CHECK-NEXT: %[[A:.*]]:2 = tile.launch @attention(
// CHECK-NEXT: %[[B:.*]]:2 = tile.launch @attention(%[[A]]#0)
// CHECK-NEXT: tile.launch @attention_0(%[[B]]#0)
// CHECK: tile.kernel @attention kind
// CHECK: rows 48 strip 16 scale 5.000000e-01
// CHECK: tile.kernel @attention_0 kind
// CHECK: rows 48 strip 16 scale 1.000000e+00
func.func @layers(%x: !x) -> !x {
  %0, %l0 = stc.attention %x, %x, %x scale 0.5 pattern <"local(8)"> : !x, !x, !x -> !x, !l
  %1, %l1 = stc.attention %0, %0, %0 scale 0.5 pattern <"local(8)"> : !x, !x, !x -> !x, !l
  %2, %l2 = stc.attention %1, %1, %1 scale 1.0 pattern <"local(8)"> : !x, !x, !x -> !x, !l
  return %2 : !x
}

// -----

// Parts of the queries' view only: the first kernel writes all rows, here without a pair.
!x = tensor<1x64x1x8xf32>
!l = tensor<1x1x64xf32>
// CHECK-LABEL: func.func @nothing(
// CHECK-NEXT: tile.launch @attention(%{{.*}}) items 1
// CHECK-NEXT: return
// CHECK: tile.attention {{.*}} view <1, 0, 1, 1>
// CHECK-NEXT: tile.walk view <1, 0, 1, 1> bounds {
// CHECK-COUNT-4: arith.constant 0 : index
// CHECK-NEXT: tile.yield
// CHECK-NOT: tile.walk
func.func @nothing(%x: !x) -> !x {
  // expected-warning @+1 {{has no key for some queries, whose output is zero: 0 to 63}}
  %o, %lse = stc.attention %x, %x, %x scale 0.5 pattern <"dense - dense"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Sampling: all walks in one kernel, with bounds for strips of one query.
!x = tensor<2x256x2x8xf32>
!r = tensor<2x1x2x8xf32>
// CHECK-LABEL: func.func @row(
// CHECK-NEXT: tile.launch @attention_row(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) items 4
// CHECK: tile.kernel @attention_row kind "attention" ({{.*}} %[[P:.*]]: memref<i32>, %{{.*}}: memref<2x1x2x8xf32>, %{{.*}}: index) {
// CHECK: memref.load %[[P]][]
// CHECK: arith.maxsi
// CHECK: %[[AT:.*]] = arith.minsi
// CHECK: tile.attention_row {{.*}} at[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[AT]]] views [#tile.view<1, 0, 1, 1>, #tile.view<16, 0, 1, 16>] scale 5.000000e-01 short_kv nonempty {
// CHECK: tile.walk view <1, 0, 1, 1>
// CHECK: tile.walk view <16, 0, 1, 16>
func.func @row(%q: !r, %k: !x, %v: !x, %p: tensor<i32>) -> !r {
  %o = stc.attention_row %q, %k, %v at %p scale 0.5 pattern <"strided(16)"> : !r, !x, !x -> !r
  return %o : !r
}

// -----

// The key and the value of the query's own position are inserted by the kernel of the query, which reads them
// where they lie, in the common projection, and writes them where they belong.
!x = tensor<2x256x2x8xf32>
!r = tensor<2x1x2x8xf32>
!q = tensor<2x1x4x8xf32>
// CHECK-LABEL: func.func @inserted(
// CHECK-SAME: %[[X:.*]]: tensor<2x1x64xf32>, %[[K:.*]]: tensor<2x256x2x8xf32>, %[[V:.*]]: tensor<2x256x2x8xf32>, %[[P:.*]]: tensor<i32>)
// CHECK-NEXT: %[[O:.*]]:3 = tile.launch @attention_row(%[[X]], %[[P]], %[[K]], %[[V]]) items 8 sizes [] tied [2, 3, -1]
// CHECK-NEXT: return %[[O]]#2, %[[O]]#0, %[[O]]#1
// CHECK: tile.kernel @attention_row kind "attention" (%[[X:.*]]: memref<2x1x64xf32>, %{{.*}}: memref<i32>, %[[K:.*]]: memref<2x256x2x8xf32>, %[[V:.*]]: memref<2x256x2x8xf32>, %{{.*}}: memref<2x1x4x8xf32>,
// CHECK: memref.reinterpret_cast %[[X]] to offset: [0], sizes: [2, 1, 4, 8]
// CHECK: %[[KEYS:.*]] = memref.reinterpret_cast %[[K]]
// CHECK: %[[VALUES:.*]] = memref.reinterpret_cast %[[V]]
// CHECK: %[[KEY:.*]] = memref.reinterpret_cast %[[X]] to offset: [32], sizes: [2, 1, 2, 8], strides: [64, 64, 8, 1]
// CHECK: %[[VALUE:.*]] = memref.reinterpret_cast %[[X]] to offset: [48], sizes: [2, 1, 2, 8], strides: [64, 64, 8, 1]
// CHECK: tile.attention_row {{.*}} key %[[KEYS]] value %[[VALUES]] output %{{.*}} insert %[[KEY]], %[[VALUE]] at[{{.*}} scale 5.000000e-01 invariant short_kv nonempty {
// CHECK-NOT: head_step
// CHECK-NOT: insert_row
func.func @inserted(%x: tensor<2x1x64xf32>, %k: !x, %v: !x, %p: tensor<i32>) -> (!q, !x, !x) {
  %0, %1, %2 = stc.split %x : tensor<2x1x64xf32> to tensor<2x1x32xf32>, tensor<2x1x16xf32>, tensor<2x1x16xf32>
  %q = stc.reshape %0 : tensor<2x1x32xf32> to !q
  %kr = stc.reshape %1 : tensor<2x1x16xf32> to !r
  %vr = stc.reshape %2 : tensor<2x1x16xf32> to !r
  %k1 = stc.insert_row %kr into %k at %p : !r into !x
  %v1 = stc.insert_row %vr into %v at %p : !r into !x
  %o = stc.attention_row %q, %k1, %v1 at %p scale 0.5 pattern <"strided(16)"> : !q, !x, !x -> !q
  return %o, %k1, %v1 : !q, !x, !x
}

// -----

// Of heads with other patterns, each kernel inserts what its heads read; the second goes on from the first.
!x = tensor<1x64x2x8xf32>
!r = tensor<1x1x2x8xf32>
// CHECK-LABEL: func.func @inserted_by_turns(
// CHECK: %[[A:.*]]:3 = tile.launch @attention_row(%{{.*}}) items 1 sizes [] tied [4, 5, -1]
// CHECK-NEXT: %[[B:.*]]:3 = tile.launch @attention_row_0(%{{.*}}, %[[A]]#0, %[[A]]#1, %[[A]]#2) items 1 sizes [] tied [4, 5, 6]
// CHECK-COUNT-2: tile.attention_row {{.*}} head_step 2
func.func @inserted_by_turns(%q: !r, %kr: !r, %vr: !r, %k: !x, %v: !x, %p: tensor<i32>) -> !r {
  %k1 = stc.insert_row %kr into %k at %p : !r into !x
  %v1 = stc.insert_row %vr into %v at %p : !r into !x
  %o = stc.attention_row %q, %k1, %v1 at %p scale 0.5 pattern <"local(8)", "stride(8)"> : !r, !x, !x -> !r
  return %o : !r
}

// -----

// What is inserted at another position, or needed before, stays as it is.
!x = tensor<1x64x2x8xf32>
!r = tensor<1x1x2x8xf32>
// CHECK-LABEL: func.func @insertions_that_stay(
// CHECK: %[[K:.*]] = tile.launch @insert_row(
// CHECK: %[[V:.*]] = tile.launch @insert_row(
// CHECK: tile.launch @attention_row(%{{.*}}, %[[K]], %[[V]], %{{.*}}) items 2 sizes [] tied [-1]
// CHECK: %[[V1:.*]] = tile.launch @insert_row(
// CHECK: stc.write @values, %[[V1]]
// CHECK: tile.launch @attention_row(%{{.*}}, %[[K]], %[[V1]], %{{.*}}) items 2 sizes [] tied [-1]
stc.variable scratch @values : !x
func.func @insertions_that_stay(%q: !r, %kr: !r, %vr: !r, %k: !x, %v: !x, %p: tensor<i32>, %other: tensor<i32>) -> (!r, !r) {
  %k1 = stc.insert_row %kr into %k at %p : !r into !x
  %v1 = stc.insert_row %vr into %v at %other : !r into !x
  %o = stc.attention_row %q, %k1, %v1 at %p scale 0.5 pattern <"dense"> : !r, !x, !x -> !r
  %v2 = stc.insert_row %vr into %v at %p : !r into !x
  stc.write @values, %v2 : !x
  %o2 = stc.attention_row %q, %k1, %v2 at %p scale 0.5 pattern <"dense"> : !r, !x, !x -> !r
  return %o, %o2 : !r, !r
}

// -----

// Three heads of queries share one of keys. Heads before positions are other strides of the same kernel.
!q = tensor<2x6x64x8xf32>
!k = tensor<2x2x64x8xf32>
!l = tensor<2x6x64xf32>
// CHECK-LABEL: func.func @groups(
// CHECK-NEXT: tile.launch @attention(%{{.*}}, %{{.*}}, %{{.*}}) items 12
// CHECK: tile.kernel @attention kind
// CHECK: %[[Q:.*]] = memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [2, 64, 6, 8], strides: [3072, 8, 512, 1]
// CHECK: %[[K:.*]] = memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [2, 64, 2, 8], strides: [1024, 8, 512, 1]
// CHECK: %[[HEADS:.*]] = arith.constant 6 : index
// CHECK: %[[HEAD:.*]] = arith.remui %{{.*}}, %[[HEADS]]
// CHECK: %[[GROUP:.*]] = arith.constant 3 : index
// CHECK: %[[KEY:.*]] = arith.divui %[[HEAD]], %[[GROUP]]
// CHECK: tile.attention query %[[Q]] key %[[K]] {{.*}} at[%{{.*}}, %[[HEAD]], %[[KEY]], %{{.*}}, %{{.*}}]
func.func @groups(%q: !q, %k: !k, %v: !k) -> !q {
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"dense"> layout head_major : !q, !k, !k -> !q, !l
  return %o : !q
}

// -----

// The gradient has an item for each head of keys, which does those of its heads of queries that have the
// pattern: the kernel of the second goes on from the keys' gradients, and writes its queries' afresh.
!q = tensor<1x64x6x8xf32>
!k = tensor<1x64x2x8xf32>
!l = tensor<1x6x64xf32>
// CHECK-LABEL: func.func @groups_grad(
// CHECK-NEXT: %[[A:.*]]:3 = tile.launch @attention_grad({{.*}}) items 2 sizes [] tied [-1, -1, -1]
// CHECK-NEXT: %[[B:.*]]:3 = tile.launch @attention_grad_0({{.*}} %[[A]]#0, %[[A]]#1, %[[A]]#2) items 2 sizes [] tied [6, 7, 8]
// CHECK-NEXT: return %[[B]]#0, %[[B]]#1, %[[B]]#2
// CHECK: tile.kernel @attention_grad kind
// CHECK: tile.attention_grad {{.*}} head_step 2 view <1, 0, 1, 1> rows {{[0-9]+}} strip {{[0-9]+}} scale 2.500000e-01 {
// CHECK: tile.kernel @attention_grad_0 kind
// CHECK: arith.constant 3 : index
// CHECK-NEXT: %[[BEGIN:.*]] = arith.muli %[[KEY:.*]], %{{.*}}
// CHECK: %[[BEHIND:.*]] = arith.remui %[[BEGIN]]
// CHECK: %[[AHEAD:.*]] = arith.subi %{{.*}}, %[[BEHIND]]
// CHECK: %[[MORE:.*]] = arith.remui %[[AHEAD]]
// CHECK: %[[HEAD:.*]] = arith.addi %[[BEGIN]], %[[MORE]]
// CHECK: tile.attention_grad {{.*}} at[%{{.*}}, %[[HEAD]], %[[KEY]], %{{.*}}] head_step 2 view <1, 0, 1, 1> rows {{[0-9]+}} strip {{[0-9]+}} scale 2.500000e-01 resume_keys {
func.func @groups_grad(%q: !q, %k: !k, %v: !k, %o: !q, %lse: !l, %do: !q) -> (!q, !k, !k) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.25 pattern <"local(4)", "dense">
      : !q, !k, !k, !q, !l, !q -> !q, !k, !k
  return %dq, %dk, %dv : !q, !k, !k
}

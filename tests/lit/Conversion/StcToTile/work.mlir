// RUN: stc-opt %s --convert-stc-to-tile --split-input-file | FileCheck %s
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=never" --split-input-file | FileCheck %s --check-prefix=TILES
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=always" --split-input-file | FileCheck %s --check-prefix=SUMS

// What launches have to do. The window has 136 + 240 * 17 = 4216 pairs a head, two products of 2 * 16 each;
// its 256 queries are read, with outputs and log-sum-exps written, 256 * (64 + 64 + 4), and keys and values
// read, 256 * 128. The stride has 1680 pairs that the window has not, and goes on from its results.
// CHECK-LABEL: func.func @strided(
// CHECK: tile.launch @attention({{.*}} work <flops 1079296, bytes 266240>
// CHECK: tile.launch @attention_0({{.*}} work <flops 430080, bytes 335872>
!x = tensor<1x256x4x16xf32>
!l = tensor<1x4x256xf32>
func.func @strided(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"strided(16)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Three heads of queries share one of keys, which is read once: 12 * 64 * (32 + 36) + 4 * 64 * 64 bytes.
// CHECK-LABEL: func.func @groups(
// CHECK: tile.launch @attention({{.*}} work <flops 798720, bytes 68608>
!q = tensor<2x64x6x8xf32>
!k = tensor<2x64x2x8xf32>
!l = tensor<2x6x64xf32>
func.func @groups(%q: !q, %k: !k, %v: !k) -> !q {
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"dense"> : !q, !k, !k -> !q, !l
  return %o : !q
}

// -----

// The gradient of 2 * 512 * 513 / 2 pairs: five products in one kernel, or where tiles of keys sum for queries;
// four and three by tiles of both.
// CHECK-LABEL: func.func @gradient(
// CHECK: tile.launch @attention_grad({{.*}} work <flops 168099840, bytes 1052672>
// TILES-LABEL: func.func @gradient(
// TILES: tile.launch @attention_delta({{.*}} work <flops 0, bytes 266240>
// TILES: tile.launch @attention_key_grad({{.*}} work <flops 134479872, bytes 794624>
// TILES: tile.launch @attention_query_grad({{.*}} work <flops 100859904, bytes 663552>
// SUMS-LABEL: func.func @gradient(
// SUMS: tile.launch @attention_delta({{.*}} work <flops 0, bytes 528384>
// SUMS: tile.launch @attention_key_grad({{.*}} work <flops 168099840, bytes 1056768>
// SUMS: tile.launch @attention_query_sum({{.*}} work <flops 0, bytes 393216>
!x = tensor<1x512x2x64xbf16>
!l = tensor<1x2x512xf32>
func.func @gradient(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"dense">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// One query meets 17 + 14 keys at the last position.
// CHECK-LABEL: func.func @row(
// CHECK: tile.launch @attention_row({{.*}} work <flops 3968, bytes 8192>
!x = tensor<2x256x2x8xf32>
!r = tensor<2x1x2x8xf32>
func.func @row(%q: !r, %k: !x, %v: !x, %p: tensor<i32>) -> !r {
  %o = stc.attention_row %q, %k, %v at %p scale 0.5 pattern <"strided(16)"> : !r, !x, !x -> !r
  return %o : !r
}

// -----

// Where 63 bits do not hold the operations, the launch does not say what it has to do.
// CHECK-LABEL: func.func @many(
// CHECK: tile.launch @attention
// CHECK-NOT: work <
// CHECK: return
func.func @many(%q: tensor<65536x1048576x16x64xf32>) -> tensor<65536x1048576x16x64xf32> {
  %o, %l = stc.attention %q, %q, %q scale 0.5 pattern <"dense"> : tensor<65536x1048576x16x64xf32>, tensor<65536x1048576x16x64xf32>, tensor<65536x1048576x16x64xf32> -> tensor<65536x1048576x16x64xf32>, tensor<65536x16x1048576xf32>
  return %o : tensor<65536x1048576x16x64xf32>
}

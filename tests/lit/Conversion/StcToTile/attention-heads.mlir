// Heads whose patterns differ in constants share kernels: an item's residue is a number of its head.
// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --split-input-file | FileCheck %s

!x = tensor<1x512x8x64xbf16>
!l = tensor<1x8x512xf32>

// Distinct sub-blocks of each block of 128 (arXiv 1904.10509, Sec. 4.3): heads 0 and 4 see the last one. One kernel for
// queries, and of keys one for the blocks and one for the sub-blocks, of which an item has its head's.
// CHECK-LABEL: func.func @sub_blocks
// CHECK: tile.launch @attention(%{{.*}}) items 32
// CHECK: tile.launch @attention_key_grad(%{{.*}}) items 32
// CHECK: tile.launch @attention_key_grad_0(%{{.*}}) items 8
// CHECK: tile.launch @attention_query_grad(%{{.*}}) items 32
// CHECK-NOT: tile.launch
// CHECK: tile.kernel @attention kind
// CHECK: %[[REST:.*]] = arith.remui %{{.*}}, %c8
// CHECK: %[[HEAD:.*]] = arith.remui %[[REST]], %c8
// CHECK: %[[CLASS:.*]] = arith.remui %[[HEAD]], %c4
// CHECK: tile.attention query {{.*}} at[%{{.*}}, %[[HEAD]], %[[HEAD]], %[[RESIDUE:.*]], %{{.*}}] view <1, 0, 1, 1>
// CHECK: tile.walk view <1, 0, 1, 1> bounds
// CHECK: tile.walk view <128, 0, 32, 4> residue <3, 3> bounds
// CHECK: tile.kernel @attention_key_grad_0
// CHECK: arith.muli %{{.*}}, %c3
// CHECK: tile.attention_key_grad {{.*}} view <128, 0, 32, 4>
// CHECK: tile.walk view <1, 0, 1, 1> bounds
func.func @sub_blocks(%q: !x, %k: !x, %v: !x, %do: !x) -> (!x, !x, !x) {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"fixed_by_head(128, 32)"> : !x, !x, !x -> !x, !l
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"fixed_by_head(128, 32)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

!q = tensor<1x1x8x64xbf16>
!x = tensor<1x512x8x64xbf16>

// One query of each head, in sampling.
// CHECK-LABEL: func.func @sub_blocks_of_one
// CHECK: tile.launch @attention_row(%{{.*}}) items 8
// CHECK-NOT: tile.launch
// CHECK: %[[REST:.*]] = arith.remui %{{.*}}, %c8
// CHECK: %[[HEAD:.*]] = arith.remui %[[REST]], %c8
// CHECK: %[[CLASS:.*]] = arith.remui %[[HEAD]], %c4
// CHECK: %[[RESIDUE:.*]] = arith.remui %[[CLASS]], %c4
// CHECK: tile.attention_row {{.*}} at[%{{.*}}, %[[HEAD]], %[[HEAD]], %[[RESIDUE]], %{{.*}}] views [#tile.view<1, 0, 1, 1>, #tile.view<1, 0, 1, 1>]
// CHECK: tile.walk view <128, 0, 32, 4> residue <3, 3> bounds
func.func @sub_blocks_of_one(%q: !q, %k: !x, %v: !x, %at: tensor<i32>) -> !q {
  %o = stc.attention_row %q, %k, %v at %at scale 0.125 pattern <"fixed_by_head(128, 32)"> : !q, !x, !x -> !q
  return %o : !q
}

// -----

!q = tensor<1x512x8x64xbf16>
!k = tensor<1x512x2x64xbf16>
!l = tensor<1x8x512xf32>

// Groups of four heads that share a head of keys. The blocks are the same for all. A tile of keys of a sub-block is of
// one residue, and of each group meets the head that sees it, the one of number 3 * residue + 3 mod 4.
// CHECK-LABEL: func.func @sub_blocks_of_groups
// CHECK: tile.launch @attention_key_grad(%{{.*}}) items 8
// CHECK: tile.launch @attention_key_grad_0(%{{.*}}) items 8
// CHECK: tile.launch @attention_query_grad(%{{.*}}) items 32
// CHECK-NOT: tile.launch
// CHECK: tile.kernel @attention_key_grad kind
// CHECK: tile.attention_key_grad {{.*}} view <1, 0, 1, 1>
// CHECK: tile.kernel @attention_key_grad_0
// CHECK: %[[RESIDUE:.*]] = arith.divui %arg8, %c2
// CHECK: %[[GROUP:.*]] = arith.muli %[[KEYHEAD:.*]], %c4
// CHECK: %[[BEHIND:.*]] = arith.muli %[[RESIDUE]], %c3
// CHECK: %[[SHIFTED:.*]] = arith.addi %[[BEHIND]], %c3
// CHECK: %[[NUMBER:.*]] = arith.remui %[[SHIFTED]], %c4
// CHECK: %[[HEAD:.*]] = arith.addi %[[GROUP]], %[[NUMBER]]
// CHECK: tile.attention_key_grad {{.*}} at[%{{.*}}, %[[HEAD]], %[[KEYHEAD]], %[[RESIDUE]], %{{.*}}] head_step 4 view <128, 0, 32, 4>
func.func @sub_blocks_of_groups(%q: !q, %k: !k, %v: !k, %o: !q, %lse: !l, %do: !q) -> (!q, !k, !k) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"fixed_by_head(128, 32)">
      : !q, !k, !k, !q, !l, !q -> !q, !k, !k
  return %dq, %dk, %dv : !q, !k, !k
}

// -----

!x = tensor<1x300x6x24xbf16>
!l = tensor<1x6x300xf32>

// Windows of other widths: the widths are a table by the number of the head among the three.
// CHECK-LABEL: func.func @windows
// CHECK: tile.launch @attention(%{{.*}}) items 18
// CHECK-NOT: tile.launch
// CHECK: bounds {
// CHECK-NEXT: ^bb0(%[[CLASS:.*]]: index, %{{.*}}: index):
// CHECK: tile.lookup %[[CLASS]] of [-8, -16, -40]
// CHECK: } mask {
// CHECK: tile.lookup %{{.*}} of [8, 16, 40]
func.func @windows(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.2 pattern <"local(8)", "local(16)", "local(40)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

!x = tensor<1x256x4x64xbf16>
!l = tensor<1x4x256xf32>

// These have other views, and kernels of their own.
// CHECK-LABEL: func.func @strided
// CHECK: tile.launch @attention(%{{.*}}) items 4
// CHECK: tile.launch @attention_0(
func.func @strided(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(16)", "stride(16)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --split-input-file | FileCheck %s

// Residues of a stride that are shorter than half a tile stand side by side in one, if n cuts all of them to
// one length: here 24 rows each of two, whose pairs are those of one residue.
// CHECK-LABEL: func.func @short(
// CHECK: tile.launch @attention({{.*}}) items 128
// CHECK: tile.kernel @attention kind
// CHECK: tile.attention {{.*}} view <128, 0, 1, 64, 2 x 24> rows 64
// CHECK-NEXT: tile.walk view <128, 0, 1, 64, 2 x 24> bounds {
// CHECK: %[[ALL:.*]] = arith.constant 48 : index
// CHECK: tile.yield %{{.*}}, %{{.*}}, %{{.*}}, %[[ALL]]
// CHECK: ^bb0(%{{.*}}: index, %[[A:.*]]: index, %[[B:.*]]: index)
// CHECK: arith.floordivsi %[[A]]
// CHECK: tile.yield %{{.*}} : i1
!x = tensor<1x3072x2x64xbf16>
!l = tensor<1x2x3072xf32>
func.func @short(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"stride(128)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// CHECK-LABEL: func.func @uneven(
// CHECK: tile.attention {{.*}} view <128, 0, 1, 128> rows 64
!x = tensor<1x3000x2x64xbf16>
!l = tensor<1x2x3000xf32>
func.func @uneven(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"stride(128)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

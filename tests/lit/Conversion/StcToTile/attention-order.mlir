// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a | FileCheck %s
// RUN: stc-opt %s --convert-stc-to-tile=target=host | FileCheck %s --check-prefix=HOST

// On a GPU the 4 tiles of a residue are neighbours among the items, so that they find its keys in
// the cache; the last, which has the most keys, is first.
// CHECK-LABEL: tile.kernel @attention
// CHECK: %[[LOW:.*]] = arith.remui %[[ITEM:.*]], %c4
// CHECK: arith.subi %c3{{.*}}, %[[LOW]]
// CHECK: tile.attention {{.*}} short_kv
// On a CPU all last tiles come first.
// HOST-LABEL: tile.kernel @attention
// HOST: %[[HIGH:.*]] = arith.divui
// HOST: arith.subi %c{{.*}}, %[[HIGH]]
!x = tensor<1x4096x2x64xbf16>
!l = tensor<1x2x4096xf32>

// Items of many tiles do not have few keys.
// CHECK-LABEL: tile.kernel @attention_0
// CHECK-NOT: short_kv
func.func @stride(%q: !x, %k: !x, %v: !x) -> (!x, !l) {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"stride(8)"> : !x, !x, !x -> !x, !l
  return %o, %lse : !x, !l
}
!y = tensor<1x8192x2x64xbf16>
!m = tensor<1x2x8192xf32>
func.func @dense(%q: !y, %k: !y, %v: !y) -> (!y, !m) {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"dense"> : !y, !y, !y -> !y, !m
  return %o, %lse : !y, !m
}

// Tiles that have no keys in common go through a sequence before the next one begins.
// CHECK-LABEL: tile.kernel @attention_1
// CHECK: arith.divui %[[ITEM:.*]], %c16
// CHECK: %[[REST:.*]] = arith.remui %[[ITEM]], %c16
// CHECK: arith.remui %[[REST]], %c2
// CHECK: %[[TILE:.*]] = arith.divui
// CHECK: arith.subi %c7{{.*}}, %[[TILE]]
!z = tensor<3x1024x2x64xbf16>
!k = tensor<3x2x1024xf32>
func.func @block(%q: !z, %k: !z, %v: !z) -> (!z, !k) {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"block(128)"> : !z, !z, !z -> !z, !k
  return %o, %lse : !z, !k
}

// Queries of a residue that have their keys in others.
// RUN: stc-opt %s --convert-stc-to-tile | FileCheck %s --check-prefixes=CHECK,HOST
// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a | FileCheck %s --check-prefixes=CHECK,GPU

!x = tensor<1x643x1x32xf32>
!l = tensor<1x1x643xf32>

// One kernel walks both lines of residues.
// CHECK: tile.kernel @attention kind
// CHECK: tile.attention query {{.*}} view <5, 0, 1, 5> rows
// CHECK-NEXT: tile.walk view <5, 0, 1, 5> residue <2, 0> bounds {
// CHECK: tile.walk view <5, 0, 1, 5> residue <2, 3> bounds {
// CHECK-NOT: tile.walk

// No two items of one kernel may add to a key: each line of residues is a kernel.
// HOST: tile.kernel @attention_grad kind
// HOST: tile.walk view <5, 0, 1, 5> residue <2, 0> bounds {
// HOST-NOT: tile.walk
// HOST: tile.kernel @attention_grad_0 kind
// HOST: resume {
// HOST-NEXT: tile.walk view <5, 0, 1, 5> residue <2, 3> bounds {

// Tiles of keys go the other way around: r = 3 * s, and r = 3 * (s - 3).
// GPU: tile.attention_key_grad
// GPU-NEXT: tile.walk view <5, 0, 1, 5> residue <3, 0> bounds {
// GPU: tile.walk view <5, 0, 1, 5> residue <3, 1> bounds {
func.func @lattice(%q: !x, %k: !x, %v: !x, %g: !x) -> (!x, !x, !x, !x) {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"{ [i] -> [j] : j <= i and (i + 2j) mod 5 <= 1 }"> : !x, !x, !x -> !x, !l
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %g scale 0.125 pattern <"{ [i] -> [j] : j <= i and (i + 2j) mod 5 <= 1 }">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %o, %dq, %dk, %dv : !x, !x, !x, !x
}

// Tiles that meet several ranges of keys: a period without divisors.
// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a | FileCheck %s
// RUN: stc-opt %s --convert-stc-to-tile | FileCheck %s --check-prefix=HOST

!x = tensor<1x8192x1x64xbf16>
!l = tensor<1x1x8192xf32>

// Of a tile of 128 queries, distances from 401*m to 401*m + 20: at most 148 keys each, and no division in the mask.
// CHECK: tile.kernel @attention kind
// CHECK: tile.walk view <1, 0, 1, 1> ranges {
// CHECK-NEXT: ^bb0(%[[R:.*]]: index, %[[T:.*]]: index):
// CHECK: arith.floordivsi
// CHECK: %[[LONGEST:.*]] = arith.constant 148 : index
// CHECK: tile.yield %{{.*}}, %{{.*}}, %[[LONGEST]] : index, index, index
// CHECK-NEXT: } bounds {
// CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: index, %[[M:.*]]: index):
// CHECK: arith.muli %[[M]], %c-401
// CHECK: } mask {
// CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index):
// CHECK-NOT: floordivsi
// CHECK: tile.yield %{{.*}} : i1

// Strips of the host have 16 queries.
// HOST: tile.walk view <1, 0, 1, 1> ranges {
// HOST: arith.constant 36 : index
func.func @stride(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"{ [i] -> [j] : j <= i and (i - j) mod 401 <= 20 }"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a | FileCheck %s
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=never" | FileCheck %s --check-prefix=NEVER
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_80 query-sums=never" | FileCheck %s --check-prefix=AMPERE

// Long rows are summed: to compute their scores again would take longer than the sums do.
// CHECK-LABEL: func.func @long(
// CHECK: tile.launch @attention_query_sum
// CHECK-LABEL: func.func @short(
// CHECK: tile.launch @attention_query_grad

// Without sums, keys that very many queries meet have tiles of three warpgroups on Hopper.
// NEVER-LABEL: tile.kernel @attention_key_grad kind
// NEVER: tile.attention_key_grad {{.*}} rows 192
// NEVER-LABEL: tile.kernel @attention_key_grad_
// NEVER: tile.attention_key_grad {{.*}} rows 128
// AMPERE-NOT: rows 192
!x = tensor<1x4096x2x64xbf16>
!l = tensor<1x2x4096xf32>
func.func @long(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"dense">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}
func.func @short(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"strided(64)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

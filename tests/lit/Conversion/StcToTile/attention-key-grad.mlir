// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --cse --split-input-file | FileCheck %s

// On a GPU the gradient goes by tiles of keys: segments that share a view of keys are one kernel, which
// sees queries through the walks' views. The sums of queries are updated in place by all of them.
// CHECK-LABEL: func.func @fixed(
// CHECK-SAME: %[[Q:.*]]: tensor<1x512x2x64xbf16>, %[[K:.*]]: {{.*}}, %[[V:.*]]: {{.*}}, %[[O:.*]]: {{.*}}, %[[L:.*]]: {{.*}}, %[[DO:[^:]*]]: tensor<1x512x2x64xbf16>)
// CHECK-NEXT: %[[D:.*]]:2 = tile.launch @attention_delta(%[[O]], %[[DO]]) items 4 {{.*}} tied [-1, -1] {{.*}} -> (tensor<1x2x512xf32>, tensor<1x512x2x64xf32>)
// CHECK-NEXT: %[[A:.*]]:3 = tile.launch @attention_key_grad(%[[Q]], %[[K]], %[[V]], %[[DO]], %[[L]], %[[D]]#0, %[[D]]#1) items 8 {{.*}} tied [6, -1, -1]
// CHECK-NEXT: %[[B:.*]]:3 = tile.launch @attention_key_grad_0(%[[Q]], %[[K]], %[[V]], %[[DO]], %[[L]], %[[D]]#0, %[[A]]#0, %[[A]]#1, %[[A]]#2) items 2 {{.*}} tied [6, 7, 8]
// CHECK-NEXT: %[[DQ:.*]] = tile.launch @attention_query_grad(%[[B]]#0) items 4
// CHECK-NEXT: return %[[DQ]], %[[B]]#1, %[[B]]#2
// CHECK: tile.kernel @attention_key_grad kind
// CHECK: tile.attention_key_grad {{.*}} view <1, 0, 1, 1> rows 128 scale 1.250000e-01 {
// CHECK-NEXT: tile.walk view <1, 0, 1, 1>
// CHECK-NOT: tile.walk
// CHECK: tile.kernel @attention_key_grad_0 kind
// CHECK: tile.attention_key_grad {{.*}} view <128, 96, 32, 1> rows 128 scale 1.250000e-01 resume {
// CHECK-NEXT: tile.walk view <1, 0, 1, 1>
!x = tensor<1x512x2x64xbf16>
!l = tensor<1x2x512xf32>
func.func @fixed(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"fixed(128, 32)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// Gradients that are concatenated are written side by side, the queries' last.
// CHECK-LABEL: func.func @projection(
// CHECK: %[[A:.*]]:2 = tile.launch @attention_key_grad({{.*}} tied [6, -1] {{.*}} -> (tensor<1x128x2x32xf32>, tensor<1x128x192xbf16>)
// CHECK-NEXT: %[[B:.*]] = tile.launch @attention_query_grad(%[[A]]#0, %[[A]]#1) {{.*}} tied [1]
// CHECK-NEXT: return %[[B]]
!y = tensor<1x128x2x32xbf16>
!m = tensor<1x2x128xf32>
!r = tensor<1x128x64xbf16>
func.func @projection(%q: !y, %k: !y, %v: !y, %o: !y, %lse: !m, %do: !y) -> tensor<1x128x192xbf16> {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"dense">
      : !y, !y, !y, !y, !m, !y -> !y, !y, !y
  %0 = stc.reshape %dq : !y to !r
  %1 = stc.reshape %dk : !y to !r
  %2 = stc.reshape %dv : !y to !r
  %3 = stc.concat %0, %1, %2 : !r, !r, !r to tensor<1x128x192xbf16>
  return %3 : tensor<1x128x192xbf16>
}

// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=never" --cse --split-input-file | FileCheck %s
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=always" --cse --split-input-file | FileCheck %s --check-prefix=SUMS
// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --cse --split-input-file | FileCheck %s
// RUN: not stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=often" --split-input-file 2>&1 | FileCheck %s --check-prefix=WRONG

// WRONG: expected query-sums auto, always or never, found often

// On a GPU gradients go by tiles of keys and tiles of queries: segments that share a view of the one axis
// are one kernel, which sees the other axis through the walks' views. The order of each sum is fixed.
// CHECK-LABEL: func.func @fixed(
// CHECK-SAME: %[[Q:.*]]: tensor<1x512x2x64xbf16>, %[[K:.*]]: {{.*}}, %[[V:.*]]: {{.*}}, %[[O:.*]]: {{.*}}, %[[L:.*]]: {{.*}}, %[[DO:[^:]*]]: tensor<1x512x2x64xbf16>)
// CHECK-NEXT: %[[D:.*]] = tile.launch @attention_delta(%[[O]], %[[DO]]) items 4 {{.*}} -> tensor<1x2x512xf32>
// CHECK-NEXT: %[[A:.*]]:2 = tile.launch @attention_key_grad(%[[Q]], %[[K]], %[[V]], %[[DO]], %[[L]], %[[D]]) items 8 {{.*}} tied [-1, -1]
// CHECK-NEXT: %[[B:.*]]:2 = tile.launch @attention_key_grad_0(%[[Q]], %[[K]], %[[V]], %[[DO]], %[[L]], %[[D]], %[[A]]#0, %[[A]]#1) items 2 {{.*}} tied [6, 7]
// CHECK-NEXT: %[[DQ:.*]] = tile.launch @attention_query_grad(%[[Q]], %[[K]], %[[V]], %[[DO]], %[[L]], %[[D]]) items 8
// CHECK-NEXT: return %[[DQ]], %[[B]]#0, %[[B]]#1
// CHECK: tile.kernel @attention_key_grad kind
// CHECK: tile.attention_key_grad {{.*}} view <1, 0, 1, 1> rows 128 scale 1.250000e-01 {
// CHECK-NEXT: tile.walk view <1, 0, 1, 1>
// CHECK-NOT: tile.walk
// CHECK: tile.kernel @attention_key_grad_0 kind
// CHECK: tile.attention_key_grad {{.*}} view <128, 96, 32, 1> rows 128 scale 1.250000e-01 resume {
// CHECK-NEXT: tile.walk view <1, 0, 1, 1>
// CHECK: tile.kernel @attention_query_grad kind
// CHECK: tile.attention_query_grad {{.*}} view <1, 0, 1, 1> rows 128 scale 1.250000e-01 {
// CHECK-NEXT: tile.walk view <1, 0, 1, 1>
// CHECK: tile.walk view <128, 96, 32, 1>

// Or tiles of keys add to sums of queries, in any order. Each block of queries meets one tile of the
// first kernel, which so begins the sums; no zeros are written.
// SUMS-LABEL: func.func @fixed(
// SUMS: %[[D:.*]] = tile.launch @attention_delta({{.*}} -> tensor<1x2x512xf32>
// SUMS-NEXT: %[[A:.*]]:3 = tile.launch @attention_key_grad({{.*}}, %[[D]]) items 8 {{.*}} tied [-1, -1, -1]
// SUMS-NEXT: %[[B:.*]]:3 = tile.launch @attention_key_grad_0({{.*}}, %[[D]], %[[A]]#0, %[[A]]#1, %[[A]]#2) items 2 {{.*}} tied [6, 7, 8]
// SUMS-NEXT: %[[DQ:.*]] = tile.launch @attention_query_sum(%[[B]]#0) items 4
// SUMS-NEXT: return %[[DQ]], %[[B]]#1, %[[B]]#2
// SUMS: tile.attention_key_grad {{.*}} query_sum {{.*}} begin at
// SUMS: tile.attention_key_grad {{.*}} query_sum {{.*}} at
!x = tensor<1x512x2x64xbf16>
!l = tensor<1x2x512xf32>
func.func @fixed(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"fixed(128, 32)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// Gradients that are concatenated are written side by side, the queries' last. Sums have rows of 32
// elements or multiples.
// CHECK-LABEL: func.func @projection(
// CHECK: %[[A:.*]] = tile.launch @attention_key_grad({{.*}} -> tensor<1x256x144xbf16>
// CHECK-NEXT: %[[B:.*]] = tile.launch @attention_query_grad({{.*}}, %[[A]]) {{.*}} tied [6]
// CHECK-NEXT: return %[[B]]
// SUMS-LABEL: func.func @projection(
// SUMS: %[[D:.*]]:2 = tile.launch @attention_delta({{.*}} -> (tensor<1x2x256xf32>, tensor<1x256x2x32xf32>)
// SUMS-NEXT: %[[A:.*]]:2 = tile.launch @attention_key_grad({{.*}}, %[[D]]#0, %[[D]]#1) {{.*}} tied [6, -1] {{.*}} -> (tensor<1x256x2x32xf32>, tensor<1x256x144xbf16>)
// SUMS-NEXT: %[[B:.*]] = tile.launch @attention_query_sum(%[[A]]#0, %[[A]]#1) {{.*}} tied [1]
// SUMS-NEXT: return %[[B]]
!y = tensor<1x256x2x24xbf16>
!m = tensor<1x2x256xf32>
!r = tensor<1x256x48xbf16>
func.func @projection(%q: !y, %k: !y, %v: !y, %o: !y, %lse: !m, %do: !y) -> tensor<1x256x144xbf16> {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"dense">
      : !y, !y, !y, !y, !m, !y -> !y, !y, !y
  %0 = stc.reshape %dq : !y to !r
  %1 = stc.reshape %dk : !y to !r
  %2 = stc.reshape %dv : !y to !r
  %3 = stc.concat %0, %1, %2 : !r, !r, !r to tensor<1x256x144xbf16>
  return %3 : tensor<1x256x144xbf16>
}

// -----

// Items of the gradient of keys are of heads of keys, here one whose four heads of queries have two patterns
// by turns; those of the gradient of queries are of heads of queries. The sums are those of all heads.
// CHECK-LABEL: func.func @groups(
// CHECK: %[[A:.*]]:2 = tile.launch @attention_key_grad({{.*}}) items 2 {{.*}} tied [-1, -1]
// CHECK-NEXT: tile.launch @attention_key_grad_0({{.*}} %[[A]]#0, %[[A]]#1) items 2 {{.*}} tied [6, 7]
// CHECK-NEXT: %[[B:.*]] = tile.launch @attention_query_grad({{.*}}) items 4 {{.*}} tied [-1]
// CHECK-NEXT: tile.launch @attention_query_grad_1({{.*}}, %[[B]]) items 4 {{.*}} tied [6]
// CHECK: tile.kernel @attention_key_grad kind
// CHECK: tile.attention_key_grad {{.*}} head_step 2 view <1, 0, 1, 1> rows 128 scale 1.250000e-01 {
// CHECK: tile.kernel @attention_key_grad_0 kind
// CHECK: tile.attention_key_grad {{.*}} head_step 2 view <1, 0, 1, 1> rows 128 scale 1.250000e-01 resume {
// SUMS-LABEL: func.func @groups(
// SUMS: tile.launch @attention_delta(%{{.*}}, %{{.*}}) items 4 {{.*}} -> (tensor<1x4x250xf32>, tensor<1x250x4x64xf32>)
// SUMS-NEXT: %[[A:.*]]:3 = tile.launch @attention_key_grad({{.*}}) items 2 {{.*}} tied [6, -1, -1]
// SUMS-NEXT: tile.launch @attention_key_grad_0({{.*}} %[[A]]#0, %[[A]]#1, %[[A]]#2) items 2 {{.*}} tied [6, 7, 8]
!q = tensor<1x4x250x64xbf16>
!k = tensor<1x1x250x64xbf16>
!l = tensor<1x4x250xf32>
func.func @groups(%q: !q, %k: !k, %v: !k, %o: !q, %lse: !l, %do: !q) -> (!q, !k, !k) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"dense", "local(9)">
      layout head_major : !q, !k, !k, !q, !l, !q -> !q, !k, !k
  return %dq, %dk, %dv : !q, !k, !k
}

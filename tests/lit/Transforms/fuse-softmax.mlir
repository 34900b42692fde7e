// RUN: stc-opt %s --stc-fuse-softmax --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @attend(
// CHECK-SAME: [[Q:%.*]]: tensor<1x64x2x16xf32>, [[K:%.*]]: tensor<1x64x2x16xf32>, [[V:%.*]]: tensor<1x64x2x16xf32>)
func.func @attend(%q: tensor<1x64x2x16xf32>, %k: tensor<1x64x2x16xf32>, %v: tensor<1x64x2x16xf32>)
    -> tensor<1x64x2x16xf32> {
  %scale = arith.constant dense<0.25> : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  %s = stc.scores %q, %k : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
      -> tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  %scaled = arith.mulf %s, %scale : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  %p = stc.softmax %scaled : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  %o = stc.aggregate %p, %v : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>, tensor<1x64x2x16xf32>
      -> tensor<1x64x2x16xf32>
  return %o : tensor<1x64x2x16xf32>
}
// CHECK-NEXT: [[O:%.*]], [[LSE:%.*]] = stc.attention [[Q]], [[K]], [[V]] scale 2.500000e-01 pattern <"strided(8)">
// CHECK-SAME: : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
// CHECK-SAME: -> tensor<1x64x2x16xf32>, tensor<1x2x64xf32>
// CHECK-NEXT: return [[O]] : tensor<1x64x2x16xf32>

// -----

// Scaled from the left, then divided: 2 * s / 8. Two patterns that the heads take in turn.
!qkv = tensor<1x64x2x16xf32>
!scores = tensor<1x2x64x64xf32, #stc.pattern<"local(8)", "stride(8)">>
// CHECK-LABEL: func.func @left_and_divided(
// CHECK-NEXT: stc.attention %{{.*}}, %{{.*}}, %{{.*}} scale 2.500000e-01 pattern <"local(8)", "stride(8)">
// CHECK-NEXT: return
func.func @left_and_divided(%q: !qkv, %k: !qkv, %v: !qkv) -> !qkv {
  %two = arith.constant dense<2.0> : !scores
  %eight = arith.constant dense<8.0> : !scores
  %s = stc.scores %q, %k : !qkv, !qkv -> !scores
  %doubled = arith.mulf %two, %s : !scores
  %scaled = arith.divf %doubled, %eight : !scores
  %p = stc.softmax %scaled : !scores
  %o = stc.aggregate %p, %v : !scores, !qkv -> !qkv
  return %o : !qkv
}

// -----

// The query is scaled before, and values are wider than queries.
!qk = tensor<2x16x3x8xf32>
!v = tensor<2x16x3x24xf32>
!scores = tensor<2x3x16x16xf32, #stc.pattern<"dense">>
// CHECK-LABEL: func.func @scaled_query(
// CHECK: %[[Q:.*]] = arith.mulf
// CHECK-NEXT: stc.attention %[[Q]], %{{.*}}, %{{.*}} scale 1.000000e+00 pattern <"dense">
// CHECK-SAME: -> tensor<2x16x3x24xf32>, tensor<2x3x16xf32>
func.func @scaled_query(%q: !qk, %k: !qk, %v: !v) -> !v {
  %scale = arith.constant dense<0.25> : !qk
  %scaled = arith.mulf %q, %scale : !qk
  %s = stc.scores %scaled, %k : !qk, !qk -> !scores
  %p = stc.softmax %s : !scores
  %o = stc.aggregate %p, %v : !scores, !v -> !v
  return %o : !v
}

// -----

// Two sums of values with the same weights.
!qkv = tensor<1x8x1x4xf32>
!scores = tensor<1x1x8x8xf32, #stc.pattern<"dense">>
// CHECK-LABEL: func.func @two_aggregates(
// CHECK-NEXT: stc.attention
// CHECK-NEXT: stc.attention
// CHECK-NEXT: return
func.func @two_aggregates(%q: !qkv, %k: !qkv, %v: !qkv, %w: !qkv) -> (!qkv, !qkv) {
  %s = stc.scores %q, %k : !qkv, !qkv -> !scores
  %p = stc.softmax %s : !scores
  %o = stc.aggregate %p, %v : !scores, !qkv -> !qkv
  %r = stc.aggregate %p, %w : !scores, !qkv -> !qkv
  return %o, %r : !qkv, !qkv
}

// -----

// Something other than a scale stands between the scores and the softmax.
!qkv = tensor<1x8x1x4xf32>
!scores = tensor<1x1x8x8xf32, #stc.pattern<"dense">>
// CHECK-LABEL: func.func @bias(
// CHECK-NOT: stc.attention
// CHECK: stc.aggregate
func.func @bias(%q: !qkv, %k: !qkv, %v: !qkv, %bias: !scores) -> !qkv {
  %s = stc.scores %q, %k : !qkv, !qkv -> !scores
  %biased = arith.addf %s, %bias : !scores
  %p = stc.softmax %biased : !scores
  %o = stc.aggregate %p, %v : !scores, !qkv -> !qkv
  return %o : !qkv
}

// -----

// A constant divided by the scores is no scale.
!qkv = tensor<1x8x1x4xf32>
!scores = tensor<1x1x8x8xf32, #stc.pattern<"dense">>
// CHECK-LABEL: func.func @inverse(
// CHECK-NOT: stc.attention
// CHECK: stc.aggregate
func.func @inverse(%q: !qkv, %k: !qkv, %v: !qkv) -> !qkv {
  %one = arith.constant dense<1.0> : !scores
  %s = stc.scores %q, %k : !qkv, !qkv -> !scores
  %inverse = arith.divf %one, %s : !scores
  %p = stc.softmax %inverse : !scores
  %o = stc.aggregate %p, %v : !scores, !qkv -> !qkv
  return %o : !qkv
}

// -----

// The scores are used by something else too.
!qkv = tensor<1x8x1x4xf32>
!scores = tensor<1x1x8x8xf32, #stc.pattern<"dense">>
// CHECK-LABEL: func.func @scores_used(
// CHECK-NOT: stc.attention
// CHECK: stc.aggregate
func.func @scores_used(%q: !qkv, %k: !qkv, %v: !qkv) -> (!qkv, !scores) {
  %s = stc.scores %q, %k : !qkv, !qkv -> !scores
  %p = stc.softmax %s : !scores
  %o = stc.aggregate %p, %v : !scores, !qkv -> !qkv
  return %o, %s : !qkv, !scores
}

// -----

// The weights are used by something else too.
!qkv = tensor<1x8x1x4xf32>
!scores = tensor<1x1x8x8xf32, #stc.pattern<"dense">>
// CHECK-LABEL: func.func @weights_used(
// CHECK-NOT: stc.attention
// CHECK: stc.aggregate
// CHECK: stc.aggregate
func.func @weights_used(%q: !qkv, %k: !qkv, %v: !qkv) -> (!qkv, !qkv) {
  %s = stc.scores %q, %k : !qkv, !qkv -> !scores
  %p = stc.softmax %s : !scores
  %o = stc.aggregate %p, %v : !scores, !qkv -> !qkv
  %t = stc.aggregate %p, %v transpose : !scores, !qkv -> !qkv
  return %o, %t : !qkv, !qkv
}

// -----

// Groups of heads, head-major.
!q = tensor<1x4x8x4xf32>
!k = tensor<1x2x8x4xf32>
!v = tensor<1x2x8x6xf32>
!o = tensor<1x4x8x6xf32>
!scores = tensor<1x4x8x8xf32, #stc.pattern<"dense">>
// CHECK-LABEL: func.func @groups(
// CHECK-NEXT: %[[O:.*]], %{{.*}} = stc.attention %{{.*}} scale 1.000000e+00 pattern <"dense"> layout head_major : {{.*}} -> tensor<1x4x8x6xf32>, tensor<1x4x8xf32>
// CHECK-NEXT: return %[[O]]
func.func @groups(%q: !q, %k: !k, %v: !v) -> !o {
  %s = stc.scores %q, %k layout head_major : !q, !k -> !scores
  %p = stc.softmax %s : !scores
  %o = stc.aggregate %p, %v layout head_major : !scores, !v -> !o
  return %o : !o
}

// -----

// One op has one layout, and as many heads of values as of keys.
!x = tensor<1x4x4x4xf32>
!v = tensor<1x4x2x4xf32>
!scores = tensor<1x4x4x4xf32, #stc.pattern<"dense">>
// CHECK-LABEL: func.func @two_layouts(
// CHECK-NOT: stc.attention
// CHECK: stc.aggregate
// CHECK: stc.aggregate
func.func @two_layouts(%q: !x, %k: !x, %v: !v) -> (!x, !x) {
  %s = stc.scores %q, %k : !x, !x -> !scores
  %p = stc.softmax %s : !scores
  %o = stc.aggregate %p, %q layout head_major : !scores, !x -> !x
  %r = stc.aggregate %p, %v : !scores, !v -> !x
  return %o, %r : !x, !x
}

// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=always" --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda --split-input-file | FileCheck %s
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=never" --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda --split-input-file | FileCheck %s --check-prefix=TILES

// A tile of keys stays, tiles of queries pass by: scores and their gradients transposed, three products
// that sum, one of them by the copy engine into the sums of queries in float32.
// CHECK-LABEL: plan.kernel @attention_delta
// CHECK-SAME: grid <threads 256, shared 0, maps{{ ?}}[], early true>
// CHECK: llvm.func @attention_delta
// CHECK-NEXT: nvvm.griddepcontrol wait
// CHECK-NEXT: nvvm.griddepcontrol launch_dependents
// CHECK: nvvm.shfl.sync bfly
// CHECK-LABEL: plan.kernel @attention_key_grad kind
// CHECK-SAME: #plan.tensor_map<buffer 6, offset 0, f32, sizes{{ ?}}[64, 1024, 2, 1], strides{{ ?}}[512, 256, 524288], box{{ ?}}[32, 64, 1, 1], swizzle 128>
// CHECK: nvvm.setmaxregister decrease 24
// CHECK: nvvm.setmaxregister increase 240
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK: nvvm.stmatrix {{.*}}layout = #nvvm.mma_layout<col>
// CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
// CHECK: nvvm.cp.async.bulk.tensor.reduce
// CHECK-LABEL: plan.kernel @attention_query_sum

// Without sums a warpgroup needs no other; the gradient of queries has a kernel of its own, which keeps
// score gradients in registers.
// TILES-LABEL: plan.kernel @attention_key_grad kind
// TILES-NOT: nvvm.stmatrix {{.*}}layout = #nvvm.mma_layout<col>
// TILES-NOT: nvvm.cp.async.bulk.tensor.reduce
// TILES-LABEL: plan.kernel @attention_query_grad
// TILES: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
// TILES-NOT: nvvm.cp.async.bulk.tensor.reduce
// TILES: nvvm.stmatrix
!x = tensor<1x1024x2x64xbf16>
!l = tensor<1x2x1024xf32>
func.func @band(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"local(100)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// The last period of 3 is cut off. Boxes with rows of the 83 whole ones alone are added, of others single rows.
// CHECK-LABEL: plan.kernel @attention_key_grad kind
// CHECK: %[[WHOLE:.*]] = arith.cmpi sle, %{{.*}}, %c83_{{.*}} : i32
// CHECK: scf.if %[[WHOLE]] {
// CHECK: nvvm.cp.async.bulk.tensor.reduce
// CHECK: } else {
// CHECK: llvm.atomicrmw fadd
// CHECK-LABEL: plan.kernel @attention_query_sum
!x = tensor<1x250x1x64xf16>
!l = tensor<1x1x250xf32>
func.func @stride(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"stride(3)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// The tile of keys of one head meets the queries of the four that share it: a loop around the loops over
// tiles, in the two warps that copy and in those that compute. Head-major tensors have other strides.
// CHECK-LABEL: plan.kernel @attention_key_grad kind
// CHECK-SAME: #plan.tensor_map<buffer 1, offset 0, bf16, sizes{{ ?}}[64, 1024, 2, 1], strides{{ ?}}[128, 131072, 262144], box{{ ?}}[64, 128, 1, 1], swizzle 128>
// CHECK-SAME: #plan.tensor_map<buffer 0, offset 0, bf16, sizes{{ ?}}[64, 1024, 8, 1], strides{{ ?}}[128, 131072, 1048576], box{{ ?}}[64, 128, 1, 1], swizzle 128>
// CHECK: nvvm.setmaxregister decrease
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %arg0, {{.*}}, box[%{{.*}}, %{{.*}}, %[[KEY:.*]], %{{.*}}]
// CHECK: scf.for %[[HEAD:[^ ]*]] =
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %arg2, {{.*}}, box[%{{.*}}, %{{.*}}, %[[HEAD]], %{{.*}}]
// CHECK: nvvm.setmaxregister increase
// CHECK: scf.for
// CHECK: scf.for %[[HEAD:[^ ]*]] =
// CHECK: scf.for
// CHECK: nvvm.cp.async.bulk.tensor.reduce %arg4, {{.*}}, box[%{{.*}}, %{{.*}}, %[[HEAD]], %{{.*}}]
// CHECK-NOT: llvm.atomicrmw
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta %arg5
!q = tensor<1x8x1024x64xbf16>
!k = tensor<1x2x1024x64xbf16>
!l = tensor<1x8x1024xf32>
func.func @groups(%q: !q, %k: !k, %v: !k, %o: !q, %lse: !l, %do: !q) -> (!q, !k, !k) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"local(100)">
      layout head_major : !q, !k, !k, !q, !l, !q -> !q, !k, !k
  return %dq, %dk, %dv : !q, !k, !k
}

// -----

// The gradients of the second part are added to those of the first by the copy engine, which reads none of them.
// TILES-LABEL: plan.kernel @attention_key_grad_0 kind
// TILES-NOT: llvm.load {{.*}} -> vector<2xbf16>
// TILES: nvvm.cp.async.bulk.tensor.reduce
// TILES-LABEL: plan.kernel @attention_query_grad_1 kind
// TILES: nvvm.cp.async.bulk.tensor.reduce
!x = tensor<1x1024x2x64xbf16>
!l = tensor<1x2x1024xf32>
func.func @strided(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"strided(16)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// Keys outside the pattern get zeros, for which nothing is loaded or multiplied.
// CHECK-LABEL: plan.entry @some
// CHECK-LABEL: plan.kernel @attention_key_grad kind
// CHECK-NOT: wgmma
// CHECK-NOT: cp.async.bulk.tensor.shared
// CHECK: nvvm.cp.async.bulk.tensor.global
// CHECK-LABEL: plan.kernel @attention_key_grad_0
// CHECK: wgmma
!x = tensor<1x1024x2x64xbf16>
!l = tensor<1x2x1024xf32>
func.func @some(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"summary(128, 32)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

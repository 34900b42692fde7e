// RUN: stc-opt %s --convert-stc-to-tile=target=sm_80 --convert-tile-to-plan --schedule-attention=target=sm_80 --convert-tile-to-cuda=target=sm_80 --split-input-file | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda --split-input-file | FileCheck %s --check-prefixes=CHECK,SM90

// float32 by products of warps on both targets: each element is loaded as it is and split into a large part,
// rounded to TF32, and what that leaves. Six products of 8 along the sum begin at zero, the small ones first,
// and are added to what there is in float32.
// CHECK-LABEL: plan.kernel @attention kind "attention" scratch 0 grid <threads 128, shared {{[0-9]+}}, maps{{ ?}}[], early {{true|false}}>
// CHECK-NOT: wgmma
// CHECK-NOT: nvvm.ldmatrix
// CHECK: nvvm.cp.async.shared.global {{.*}}, 16, cache = cg, {{.*}}
// CHECK: %[[X:[0-9]+]] = llvm.load %{{.*}} : !llvm.ptr<3> -> f32
// CHECK: %[[BITS:[0-9]+]] = llvm.bitcast %[[X]] : f32 to i32
// CHECK: %[[NEAREST:[0-9]+]] = arith.addi %[[BITS]], %{{.*}} : i32
// CHECK: %[[LARGE:[0-9]+]] = arith.andi %[[NEAREST]], %{{.*}} : i32
// CHECK: %[[PART:[0-9]+]] = llvm.bitcast %[[LARGE]] : i32 to f32
// CHECK: %[[REST:[0-9]+]] = arith.subf %[[X]], %[[PART]]
// CHECK: %[[SMALL:[0-9]+]] = llvm.bitcast %[[REST]] : f32 to i32
// CHECK: nvvm.mma.sync A[%[[SMALL]], {{.*}}multiplicandAPtxType = #nvvm.mma_type<tf32>{{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 8>
// CHECK: nvvm.mma.sync
// CHECK: nvvm.mma.sync A[%[[LARGE]],
// CHECK: nvvm.mma.sync
// CHECK: nvvm.mma.sync A[%[[LARGE]],
// CHECK: nvvm.mma.sync
// CHECK: arith.addf
// CHECK: llvm.store {{.*}} : vector<2xf32>, !llvm.ptr<1>
!x = tensor<3x1000x2x64xf32>
!l = tensor<3x2x1000xf32>
func.func @band(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(100)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Heads of 128 elements in the 101376 bytes of any GPU: tiles of 64 queries, but of 32 keys where four tensors
// have to find room. Hopper has room for 128.
// CHECK-LABEL: plan.kernel @attention kind "attention"
// SM80-SAME: grid <threads 128, shared 101376,
// SM90-SAME: grid <threads 256, shared 135168,
// CHECK-LABEL: plan.kernel @attention_delta
// CHECK-LABEL: plan.kernel @attention_key_grad kind "attention"
// SM80-SAME: grid <threads 64, shared 72960,
// SM90-SAME: grid <threads 256, shared {{[0-9]+}},
!x = tensor<1x1024x2x128xf32>
!l = tensor<1x2x1024xf32>
func.func @wide(%q: !x, %k: !x, %v: !x, %do: !x) -> (!x, !x, !x) {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"dense"> : !x, !x, !x -> !x, !l
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"dense">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// Heads of an odd size: elements are copied one by one, but asynchronously.
// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK: nvvm.cp.async.shared.global {{.*}}, 4, cache = ca
// CHECK: llvm.store {{.*}} : f32, !llvm.ptr<1>
!x = tensor<1x100x3x5xf32>
!l = tensor<1x3x100xf32>
func.func @odd(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(8)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

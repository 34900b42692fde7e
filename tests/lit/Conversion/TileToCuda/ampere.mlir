// RUN: stc-opt %s --convert-stc-to-tile=target=sm_80 --convert-tile-to-plan --schedule-attention=target=sm_80 --convert-tile-to-cuda=target=sm_80 --split-input-file | FileCheck %s
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_80 query-sums=never" --convert-tile-to-plan --schedule-attention=target=sm_80 --convert-tile-to-cuda=target=sm_80 --split-input-file | FileCheck %s --check-prefix=TILES

// Four warps, 32 queries each. Tiles of keys and values pass by in two slots: one is copied, 16 bytes a
// thread, while products run on the other. Weights are operands as they are.
// CHECK-LABEL: plan.kernel @attention kind "attention" scratch 0 grid <threads 128, shared {{[0-9]+}}, maps{{ ?}}[], early false>
// CHECK: nvvm.minctasm = 2 : i32, nvvm.reqntid = array<i32: 128>
// CHECK-NOT: wgmma
// CHECK: nvvm.cp.async.shared.global {{.*}}, 16, cache = cg, {{.*}}
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.wait.group 0
// CHECK-NEXT: nvvm.barrier
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<row>, num = 4
// CHECK: nvvm.mma.sync {{.*}}multiplicandAPtxType = #nvvm.mma_type<bf16>{{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 16>
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<col>, num = 4
// CHECK: nvvm.mma.sync
// CHECK: llvm.store {{.*}} : i32, !llvm.ptr<1>
!x = tensor<3x1000x2x64xbf16>
!l = tensor<3x2x1000xf32>
func.func @band(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(100)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Heads of 20 and 12 elements: rows at multiples of 8 bytes, padded to 32 and 16 elements in shared memory.
// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK-NOT: nvvm.cp.async.shared.global {{.*}}, 16,
// CHECK: nvvm.cp.async.shared.global {{.*}}, 8, cache = ca
// CHECK: nvvm.mma.sync {{.*}}(vector<2xf16>, vector<2xf16>, f32) -> !llvm.struct<(f32, f32, f32, f32)>
!x = tensor<1x100x3x20xf16>
!y = tensor<1x100x3x12xf16>
!l = tensor<1x3x100xf32>
func.func @narrow(%q: !x, %k: !x, %v: !y) -> !y {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"fixed(7, 3)"> : !x, !x, !y -> !y, !l
  return %o : !y
}

// -----

// Heads of odd sizes: elements are copied, loaded and stored one by one.
// CHECK-LABEL: plan.kernel @attention_0 kind "attention"
// CHECK-NOT: nvvm.cp.async.shared.global
// CHECK: llvm.load {{.*}} : !llvm.ptr<1> -> i16
// CHECK: llvm.store {{.*}} : i16, !llvm.ptr<3>
// CHECK: llvm.load {{.*}} : !llvm.ptr<1> -> bf16
// CHECK: nvvm.mma.sync
// CHECK: llvm.store {{.*}} : bf16, !llvm.ptr<1>
!x = tensor<1x100x3x5xbf16>
!l = tensor<1x3x100xf32>
func.func @odd(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"strided(11)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// The gradient by tiles of 128 keys: S^T, dP^T, two sums in registers, and dQ from the gradients of scores in
// shared memory, added to the sums of queries in float32.
// CHECK-LABEL: plan.kernel @attention_delta
// CHECK-LABEL: plan.kernel @attention_key_grad kind "attention" scratch 0 grid <threads 128, shared {{[0-9]+}}, maps{{ ?}}[], early false>
// CHECK: nvvm.cp.async.shared.global {{.*}}, 4, cache = ca
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 0
// CHECK-NEXT: nvvm.barrier
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<col>
// CHECK: nvvm.shfl.sync bfly
// CHECK: llvm.atomicrmw fadd
// CHECK-NOT: nvvm.barrier
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<row>
// CHECK: nvvm.mma.sync
// CHECK: llvm.store {{.*}} : i32, !llvm.ptr<3>
// CHECK: nvvm.mma.sync
// CHECK-LABEL: plan.kernel @attention_query_sum

// Without sums nothing is added in memory: queries have a kernel of their own.
// TILES-LABEL: plan.kernel @attention_key_grad kind
// TILES-NOT: llvm.atomicrmw
// TILES-LABEL: plan.kernel @attention_query_grad kind "attention" scratch 0 grid <threads 128, shared {{[0-9]+}}, maps{{ ?}}[], early false>
// TILES: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<row>
// TILES: nvvm.mma.sync
// TILES: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<col>
// TILES: nvvm.mma.sync
// TILES-NOT: llvm.atomicrmw
// TILES: llvm.store {{.*}} : i32, !llvm.ptr<1>
!x = tensor<1x1024x2x64xbf16>
!l = tensor<1x2x1024xf32>
func.func @gradient(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"local(100)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// Heads of 128 elements: a block has no more shared memory than any of these GPUs gives, 101376 bytes.
// CHECK-LABEL: plan.kernel @attention kind "attention" scratch 0 grid <threads 128, shared 69632,
// CHECK-LABEL: plan.kernel @attention_delta
// CHECK-LABEL: plan.kernel @attention_key_grad kind "attention" scratch 0 grid <threads 256, shared 99584,
!x = tensor<1x1024x2x128xbf16>
!l = tensor<1x2x1024xf32>
func.func @wide(%q: !x, %k: !x, %v: !x, %do: !x) -> (!x, !x, !x) {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"dense"> : !x, !x, !x -> !x, !l
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"dense">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

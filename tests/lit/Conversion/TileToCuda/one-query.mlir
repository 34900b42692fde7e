// RUN: stc-opt %s --convert-stc-to-tile=target=sm_80 --convert-tile-to-plan --schedule-attention=target=sm_80 --convert-tile-to-cuda=target=sm_80 --split-input-file | FileCheck %s --check-prefixes=CHECK,BLOCK
// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda --split-input-file | FileCheck %s --check-prefixes=CHECK,CLUSTER

// A block takes the query of one head, at a position from memory, or a cluster of blocks where heads are few. Four
// lanes take a key of 64 floats, 16 bytes each at once; four keys and values of a lane, the places of which its
// lanes tell each other, are under way before a score is complete.
// BLOCK-LABEL: plan.kernel @attention_row kind "attention" scratch 0 grid <threads 256, shared 2112, maps{{ ?}}[], early false>
// BLOCK-NOT: cluster
// CLUSTER-LABEL: plan.kernel @attention_row kind "attention" scratch 0 grid <threads 256, shared 4224, maps{{ ?}}[], early true>
// CLUSTER: nvvm.cluster_dim = array<i32: 8>
// CLUSTER: nvvm.griddepcontrol wait
// CLUSTER: nvvm.griddepcontrol launch_dependents
// CHECK: %[[P:[0-9]+]] = llvm.load %{{.*}} : !llvm.ptr<1> -> i32
// CHECK: arith.maxsi %[[P]], %{{.*}} : i32
// CLUSTER: nvvm.cluster.arrive
// Keys of the window and those of the stride are one sequence.
// CHECK: scf.for
// CHECK-COUNT-4: nvvm.shfl.sync idx
// CHECK-COUNT-32: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-NOT: llvm.load
// CHECK: llvm.intr.fma
// CHECK-COUNT-8: nvvm.shfl.sync bfly
// CHECK-NOT: nvvm.shfl.sync
// CHECK: scf.yield
// CHECK-NOT: scf.for
// CHECK-NOT: atomicrmw
// CHECK: nvvm.barrier
// The first block of a cluster gets what the others have.
// CLUSTER: nvvm.cluster.wait
// CLUSTER: %[[THERE:.*]] = nvvm.mapa
// CLUSTER-NEXT: llvm.store %{{.*}}, %[[THERE]] : f32, !llvm.ptr<7>
// CLUSTER: nvvm.cluster.arrive
// CLUSTER: nvvm.cluster.wait
// CHECK: llvm.store {{.*}} : vector<1xf32>, !llvm.ptr<1>
!r = tensor<2x1x4x64xf32>
!x = tensor<2x2048x2x64xf32>
func.func @sample(%q: !r, %k: !x, %v: !x, %p: tensor<i32>) -> !r {
  %o = stc.attention_row %q, %k, %v at %p scale 0.125 pattern <"strided(4)"> : !r, !x, !x -> !r
  return %o : !r
}

// -----

// What is cached is copied to shared memory before the query is there: with four keys and values of a lane, of 16
// bytes each, for the position as it was. If it is no other one, these are gone on from, but for the inserted row.
// CLUSTER-LABEL: plan.kernel @attention_row kind "attention" scratch 0 grid <threads 256, shared 69760, maps{{ ?}}[], early true>
// CLUSTER: %[[EARLY:[0-9]+]] = llvm.load volatile %{{.*}} : !llvm.ptr<1> -> i32
// CLUSTER-NOT: nvvm.griddepcontrol
// CLUSTER-COUNT-16: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16
// CLUSTER-NOT: nvvm.cp.async.shared.global
// CLUSTER: nvvm.cp.async.commit.group
// CLUSTER-NEXT: llvm.inline_asm has_side_effects
// CLUSTER-SAME: "~{memory}"
// CLUSTER-NEXT: nvvm.griddepcontrol wait
// CLUSTER: nvvm.cp.async.wait.group 0
// BLOCK-LABEL: plan.kernel @attention_row
// BLOCK-NOT: cp.async
!r = tensor<1x1x8x64xf32>
!s = tensor<1x1x8x64xbf16>
!x = tensor<1x2048x8x64xbf16>
func.func @inserted(%q: !r, %k: !x, %v: !x, %kr: !s, %vr: !s, %p: tensor<i32>) -> (!r, !x, !x) {
  %k1 = stc.insert_row %kr into %k at %p : !s into !x
  %v1 = stc.insert_row %vr into %v at %p : !s into !x
  %o = stc.attention_row %q, %k1, %v1 at %p scale 0.125 pattern <"strided(4)"> : !r, !x, !x -> !r
  return %o, %k1, %v1 : !r, !x, !x
}

// -----

// Elements of 16 bits are widened; those of odd sizes of heads are loaded one by one.
// CHECK-LABEL: plan.kernel @attention_row
// CHECK: llvm.load %{{.*}} {alignment = 2 : i64} : !llvm.ptr<1> -> vector<1xbf16>
// CHECK: arith.extf {{.*}} : vector<1xbf16> to vector<1xf32>
// CHECK: arith.truncf {{.*}} : vector<1xf32> to vector<1xbf16>
!r = tensor<1x1x1x5xbf16>
!x = tensor<1x100x1x5xbf16>
func.func @odd(%q: !r, %k: !x, %v: !x, %p: tensor<i32>) -> !r {
  %o = stc.attention_row %q, %k, %v at %p scale 0.125 pattern <"local(8)"> : !r, !x, !x -> !r
  return %o : !r
}

// -----

// The inserted key is read where it lies by all heads that share it, and written by the first of them.
// CHECK-LABEL: plan.kernel @attention_row
// CLUSTER: nvvm.griddepcontrol wait
// CHECK: %[[P:.*]] = arith.minsi
// CHECK: scf.for
// CHECK: %[[OWN:.*]] = arith.cmpi eq, %{{.*}}, %[[P]] : i32
// CHECK-NEXT: %[[FROM:.*]] = arith.select %[[OWN]], %{{.*}}, %{{.*}} : !llvm.ptr<1>
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[FROM]][0]
// CHECK-NEXT: llvm.load %[[AT]]
// CHECK: scf.yield
// CHECK: arith.truncf %{{.*}} : vector<1xf32> to vector<1xbf16>
// CHECK: %[[NEXT:.*]] = arith.addi %{{.*}}, %c1_i32{{.*}} : i32
// CHECK-NEXT: %[[FIRST:.*]] = arith.cmpi slt, %{{.*}}, %[[NEXT]] : i32
// CHECK: %[[WRITES:.*]] = arith.andi %[[FIRST]],
// CHECK: scf.if %[[WRITES]]
// CHECK: llvm.store {{.*}} : vector<1xbf16>, !llvm.ptr<1>
// CHECK: llvm.store {{.*}} : vector<1xbf16>, !llvm.ptr<1>
!r = tensor<64x1x2x32xbf16>
!q = tensor<64x1x8x32xbf16>
!x = tensor<64x100x2x32xbf16>
func.func @inserted(%q: !q, %kr: !r, %vr: !r, %k: !x, %v: !x, %p: tensor<i32>) -> (!q, !x, !x) {
  %k1 = stc.insert_row %kr into %k at %p : !r into !x
  %v1 = stc.insert_row %vr into %v at %p : !r into !x
  %o = stc.attention_row %q, %k1, %v1 at %p scale 0.125 pattern <"local(8)"> : !q, !x, !x -> !q
  return %o, %k1, %v1 : !q, !x, !x
}

// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda --split-input-file --verify-diagnostics | FileCheck %s

// Query tiles, key tiles and outputs are boxes of one view; one warpgroup copies, two compute.
// CHECK-LABEL: plan.kernel @attention kind "attention" scratch 0 grid <threads 384, shared {{[0-9]+}}, maps [
// CHECK-SAME: #plan.tensor_map<buffer 0, offset 0, bf16, sizes{{ ?}}[64, 1000, 2, 3], strides{{ ?}}[256, 128, 256000], box{{ ?}}[64, 128, 1, 1], swizzle 128>
// CHECK: llvm.func @attention({{.*}}llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant}
// CHECK-SAME: nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 384>
// CHECK: nvvm.setmaxregister decrease
// CHECK: nvvm.elect.sync
// CHECK-COUNT-3: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK-NOT: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK: nvvm.setmaxregister increase
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK: scf.for
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
// CHECK: wgmma.wait_group.sync.aligned 1;
// CHECK: nvvm.stmatrix
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta
!x = tensor<3x1000x2x64xbf16>
!l = tensor<3x2x1000xf32>
func.func @band(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(100)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Two walks over one query view are one kernel: keys as they lie, and 4 of each block of 8, compacted.
// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK-SAME: #plan.tensor_map<buffer 1, offset 0, f16, sizes{{ ?}}[32, 256, 1, 1], strides{{ ?}}[64, 64, 16384], box{{ ?}}[32, 128, 1, 1], swizzle 64>
// CHECK-SAME: #plan.tensor_map<buffer 1, offset 256, f16, sizes{{ ?}}[32, 4, 32, 1, 1], strides{{ ?}}[64, 512, 64, 16384], box{{ ?}}[32, 4, 32, 1, 1], swizzle 64>
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16
// CHECK-NOT: plan.kernel
!x = tensor<1x256x1x32xf16>
!l = tensor<1x1x256xf32>
func.func @fixed(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"fixed(8, 4)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// The residues of a stride are a dimension of the map; the second kernel goes on from the first. Residues of
// 64 rows at most take tiles of 64, here eight of them side by side; two such blocks find room on a
// multiprocessor.
// CHECK-LABEL: plan.kernel @attention kind "attention" scratch 0 grid <threads 384
// CHECK: plan.kernel @attention_0 kind "attention" scratch 0 grid <threads 256
// CHECK-SAME: #plan.tensor_map<buffer 0, offset 0, bf16, sizes{{ ?}}[64, 8, 32, 1, 1], strides{{ ?}}[4096, 128, 128, 32768], box{{ ?}}[64, 8, 8, 1, 1], swizzle 128>
// CHECK: nvvm.minctasm = 2
// CHECK: llvm.load %{{.*}} : !llvm.ptr<1> -> f32
!x = tensor<1x256x1x64xbf16>
!l = tensor<1x1x256xf32>
func.func @strided(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"strided(32)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Residues of blocks are no dimension of the map, which has no sixth: the blocks of all of them lie behind one
// another in a period. A tile of 128 rows is 128 of one block, or four blocks of 32.
// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK-SAME: #plan.tensor_map<buffer 0, offset 0, bf16, sizes{{ ?}}[64, 1024, 2, 2, 1], strides{{ ?}}[256, 262144, 128, 524288], box{{ ?}}[64, 128, 1, 1, 1], swizzle 128>
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
!x = tensor<1x2048x2x64xbf16>
!l = tensor<1x2x2048xf32>
func.func @long_blocks(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"blocks(256, 4)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK-SAME: #plan.tensor_map<buffer 0, offset 0, bf16, sizes{{ ?}}[64, 128, 16, 2, 1], strides{{ ?}}[256, 32768, 128, 524288], box{{ ?}}[64, 32, 4, 1, 1], swizzle 128>
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
!x = tensor<1x2048x2x64xbf16>
!l = tensor<1x2x2048xf32>
func.func @short_blocks(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"blocks(32, 4)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Head-major: the map's dimensions of positions and heads have each other's strides. Keys have heads of
// their own.
// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK-SAME: #plan.tensor_map<buffer 0, offset 0, bf16, sizes{{ ?}}[64, 250, 6, 2], strides{{ ?}}[128, 32000, 192000], box{{ ?}}[64, 128, 1, 1], swizzle 128>
// CHECK-SAME: #plan.tensor_map<buffer 1, offset 0, bf16, sizes{{ ?}}[64, 250, 2, 2], strides{{ ?}}[128, 32000, 64000], box{{ ?}}[64, 128, 1, 1], swizzle 128>
!q = tensor<2x6x250x64xbf16>
!k = tensor<2x2x250x64xbf16>
!l = tensor<2x6x250xf32>
func.func @groups(%q: !q, %k: !k, %v: !k) -> !q {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"dense"> layout head_major : !q, !k, !k -> !q, !l
  return %o : !q
}

// -----

// What the copy engine cannot reach is done by warps: rows at multiples of 8 bytes, and blocks of 3 and 7
// keys that fill no tile together.
// Another residue of keys for each of queries: of blocks of 16, that three further on among four.
// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK: %[[R:.*]] = arith.remui %{{.*}}, %c4_i32
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %arg0,
// CHECK: %[[AHEAD:.*]] = arith.addi %{{.*}}, %c3_i32
// CHECK: %[[S:.*]] = arith.remui %{{.*}}, %c4_i32
// CHECK: %[[OWN:.*]] = arith.muli %[[S]], %{{.*}} : i32
// CHECK-NEXT: %[[FIRST:.*]] = arith.addi %[[OWN]], %{{.*}} : i32
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %arg1, %{{.*}}, box[%{{.*}}, %[[FIRST]],
!x = tensor<1x512x1x64xbf16>
!l = tensor<1x1x512xf32>
func.func @next(%q: !x, %k: !x, %v: !x) -> !x {
  // expected-warning @+1 {{has no key for some queries}}
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"{ [i] -> [j] : j <= i and (floor(i/16) - floor(j/16)) mod 4 = 1 }"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK-SAME: maps{{ ?}}[], early true>
// CHECK: nvvm.mma.sync
!x = tensor<1x128x2x20xbf16>
!l = tensor<1x2x128xf32>
func.func @rows(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"dense"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// What the first part came to is brought while the second one computes, and taken in at its end.
// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK-NOT: nvvm.ldmatrix
// CHECK-LABEL: plan.kernel @attention_0 kind "attention"
// CHECK: nvvm.setmaxregister increase
// CHECK: nvvm.cp.async.bulk.wait_group 0 {read}
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %arg3,
// CHECK: wgmma.wait_group.sync.aligned 1;
// CHECK-COUNT-4: nvvm.ldmatrix
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta %arg3,
!x = tensor<1x1024x2x64xbf16>
!l = tensor<1x2x1024xf32>
func.func @strided(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"strided(16)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK-SAME: maps{{ ?}}[], early true>
// CHECK: nvvm.mma.sync
!x = tensor<1x105x1x64xbf16>
!l = tensor<1x1x105xf32>
func.func @widths(%q: !x, %k: !x, %v: !x) -> !x {
  // expected-warning @+1 {{has no key for some queries}}
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"summary(7, 3) | summary(15, 7)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

!x = tensor<1x256x1x64xf64>
!l = tensor<1x1x256xf32>
func.func @wide(%q: !x, %k: !x, %v: !x) -> !x {
  // expected-error @+1 {{expected elements of f32, bf16 or f16, found 'f64'}}
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"dense"> : !x, !x, !x -> !x, !l
  return %o : !x
}

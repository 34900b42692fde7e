// Attention of a chunk's queries: the number of the chunk is the residue of its walks.
// RUN: stc-opt %s --convert-stc-to-tile="lanes=8 accumulators=28" | FileCheck %s
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a" | FileCheck %s --check-prefix=CUDA

// CHECK-LABEL: func.func @chunk
// CHECK: tile.launch @attention({{.*}} tied [3, 4]
// CHECK-LABEL: tile.kernel @attention kind "attention"
// CHECK: %[[NUMBER:.*]] = memref.load %{{.*}}[] : memref<i32
// CHECK: %[[INDEX:.*]] = arith.index_cast %[[NUMBER]] : i32 to index
// CHECK: %[[LEAST:.*]] = arith.maxsi %[[INDEX]]
// CHECK: %[[CHUNK:.*]] = arith.minsi %[[LEAST]]
// CHECK: tile.attention {{.*}} at[%{{.*}}, %{{.*}}, %{{.*}}, %[[CHUNK]], %{{.*}}] view <1, 0, 1, 1> {{.*}} resume
// CHECK: tile.walk view <1, 0, 1, 1> bounds

// Three tiles of a block: tile t of chunk r meets the 96 keys of each block before 2 (t / 3) + r.
// CUDA-LABEL: tile.kernel @attention kind "attention"
// CUDA: tile.attention {{.*}} view <1, 0, 1, 1> rows 128 strip 128 {{.*}} resume
// CUDA: ^bb0(%[[R:.*]]: index, %[[T:.*]]: index):
// CUDA: %[[THREE:.*]] = arith.constant 3 : index
// CUDA: %[[BLOCK:.*]] = arith.floordivsi %[[T]], %[[THREE]]
// CUDA: %[[TWICE:.*]] = arith.constant 192 : index
// CUDA: %[[FIRST:.*]] = arith.muli %[[BLOCK]], %[[TWICE]]
// CUDA: %[[EACH:.*]] = arith.constant 96 : index
// CUDA: %[[OWN:.*]] = arith.muli %[[R]], %[[EACH]]
// CUDA: arith.addi %[[FIRST]], %[[OWN]]
// CUDA: tile.yield
func.func @chunk(%q: tensor<1x768x2x64xbf16>, %k: tensor<1x384x2x64xbf16>, %o0: tensor<1x768x2x64xbf16>,
                 %l0: tensor<1x2x768xf32>, %r: tensor<i32>) -> tensor<1x768x2x64xbf16> {
  %o, %l = stc.attention_chunk %q, %k, %k chunk %r of 2 block 384 keys <128, 96, 32> from %o0, %l0 scale 0.125
      pattern <"(fixed(128, 32)) - { [i] -> [j] : floor(i/384) = floor(j/384) }">
      : tensor<1x768x2x64xbf16>, tensor<1x384x2x64xbf16>, tensor<1x384x2x64xbf16> from tensor<1x768x2x64xbf16>, tensor<1x2x768xf32>
      -> tensor<1x768x2x64xbf16>, tensor<1x2x768xf32>
  return %o : tensor<1x768x2x64xbf16>
}

// Blocks of 192 queries have no whole tiles of 128, but three of 64.
// CUDA-LABEL: tile.kernel @attention_0 kind "attention"
// CUDA: tile.attention {{.*}} rows 64 strip 64
func.func @short_blocks(%q: tensor<1x768x2x64xbf16>, %k: tensor<1x1536x2x64xbf16>, %r: tensor<i32>) -> tensor<1x768x2x64xbf16> {
  %o, %l = stc.attention_chunk %q, %k, %k chunk %r of 2 block 192 keys <1, 0, 1> scale 0.125 pattern <"dense">
      : tensor<1x768x2x64xbf16>, tensor<1x1536x2x64xbf16>, tensor<1x1536x2x64xbf16> -> tensor<1x768x2x64xbf16>, tensor<1x2x768xf32>
  return %o : tensor<1x768x2x64xbf16>
}

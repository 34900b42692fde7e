// RUN: stc-opt %s --convert-stc-to-tile="lanes=8 accumulators=28" | FileCheck %s

// Each query has a key of its own, but scores that all are minus infinity are no result yet: others follow.
// CHECK-NOT: nonempty
func.func @followed(%q: tensor<1x32x1x16xf32>, %k: tensor<1x64x1x16xf32>, %r: tensor<i32>) -> tensor<1x32x1x16xf32> {
  %o, %l = stc.attention %q, %q, %q scale 0.25 pattern <"dense">
      : tensor<1x32x1x16xf32>, tensor<1x32x1x16xf32>, tensor<1x32x1x16xf32> -> tensor<1x32x1x16xf32>, tensor<1x1x32xf32>
  %p, %m = stc.attention_chunk %q, %k, %k chunk %r of 2 block 32 keys <1, 0, 1> from %o, %l scale 0.25
      pattern <"dense - { [i] -> [j] : floor(j/32) = floor(i/32) }">
      : tensor<1x32x1x16xf32>, tensor<1x64x1x16xf32>, tensor<1x64x1x16xf32> from tensor<1x32x1x16xf32>, tensor<1x1x32xf32>
      -> tensor<1x32x1x16xf32>, tensor<1x1x32xf32>
  return %p : tensor<1x32x1x16xf32>
}

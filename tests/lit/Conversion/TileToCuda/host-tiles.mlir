// RUN: stc-opt %s --convert-stc-to-tile=lanes=8 --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda --verify-diagnostics

// Tiles that were chosen for the host, of fewer rows than a warp's products have.
func.func @attend(%q: tensor<1x8x1x16xf32>, %k: tensor<1x8x1x16xf32>, %v: tensor<1x8x1x16xf32>) -> tensor<1x8x1x16xf32> {
  // expected-error @+1 {{expected tiles of a multiple of 16 rows, at most 192 on this GPU, found 8}}
  %o, %lse = stc.attention %q, %k, %v scale 2.500000e-01 pattern <"local(8)">
      : tensor<1x8x1x16xf32>, tensor<1x8x1x16xf32>, tensor<1x8x1x16xf32>
      -> tensor<1x8x1x16xf32>, tensor<1x1x8xf32>
  return %o : tensor<1x8x1x16xf32>
}

// Attention over [batch, heads, positions, size], two heads of keys for four of queries.
func.func @attend(%q: tensor<2x4x64x16xf32> {stc.name = "q"}, %k: tensor<2x2x64x16xf32> {stc.name = "k"}, %v: tensor<2x2x64x8xf32> {stc.name = "v"}) -> (tensor<2x4x64x8xf32> {stc.name = "output"}) {
  %o, %l = stc.attention %q, %k, %v scale 0.25 pattern <"fixed(8, 2)"> layout head_major
      : tensor<2x4x64x16xf32>, tensor<2x2x64x16xf32>, tensor<2x2x64x8xf32> -> tensor<2x4x64x8xf32>, tensor<2x4x64xf32>
  return %o : tensor<2x4x64x8xf32>
}

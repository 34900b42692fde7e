stc.variable parameter @weights : tensor<512x256xf32>

// The square of each element's share of its row, by weights that nothing here writes.
func.func @step(%x: tensor<64x256xf32> {stc.name = "x"}, %bias: tensor<512xf32> {stc.name = "bias"})
    -> (tensor<64x512xf32> {stc.name = "y"}) {
  %w = stc.read @weights : tensor<512x256xf32>
  %sum = stc.reduce sum %x dims [1] : tensor<64x256xf32> to tensor<64xf32>
  %sums = stc.broadcast %sum dims [0] : tensor<64xf32> to tensor<64x256xf32>
  %share = arith.mulf %x, %sums : tensor<64x256xf32>
  %lhs = arith.truncf %share : tensor<64x256xf32> to tensor<64x256xbf16>
  %rhs = arith.truncf %w : tensor<512x256xf32> to tensor<512x256xbf16>
  %product = stc.matmul %lhs, %rhs transpose_rhs : tensor<64x256xbf16>, tensor<512x256xbf16> -> tensor<64x512xbf16>
  %wide = arith.extf %product : tensor<64x512xbf16> to tensor<64x512xf32>
  %biases = stc.broadcast %bias dims [1] : tensor<512xf32> to tensor<64x512xf32>
  %y = arith.addf %wide, %biases : tensor<64x512xf32>
  return %y : tensor<64x512xf32>
}

// Operands as they are, of 250 columns, and one row.
func.func @plain(%x: tensor<1x250xf16> {stc.name = "x"}, %w: tensor<40x250xf16> {stc.name = "w"})
    -> (tensor<1x40xf16> {stc.name = "y"}) {
  %y = stc.matmul %x, %w transpose_rhs : tensor<1x250xf16>, tensor<40x250xf16> -> tensor<1x40xf16>
  return %y : tensor<1x40xf16>
}

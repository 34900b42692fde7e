// Rounds float64 to bfloat16, for which no CPU has instructions.
func.func @round(%x: tensor<8xf64>) -> tensor<8xbf16> {
  %y = arith.truncf %x : tensor<8xf64> to tensor<8xbf16>
  return %y : tensor<8xbf16>
}

// A sum that is rounded to bfloat16.
func.func @sum(%x: tensor<8xbf16>, %y: tensor<8xbf16>) -> tensor<8xbf16> {
  %s = arith.addf %x, %y : tensor<8xbf16>
  return %s : tensor<8xbf16>
}

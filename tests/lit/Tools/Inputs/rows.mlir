// Layer norm of narrow results, and a sum over rows that it goes with in a gradient.
func.func @norm(%x: tensor<4096x512xf32>, %w: tensor<512xf32>) -> tensor<4096x512xbf16> {
  %part = arith.constant dense<0.001953125> : tensor<4096xf32>
  %little = arith.constant dense<0.00001> : tensor<4096xf32>
  %sum = stc.reduce sum %x dims [1] : tensor<4096x512xf32> to tensor<4096xf32>
  %mean = arith.mulf %sum, %part : tensor<4096xf32>
  %means = stc.broadcast %mean dims [0] : tensor<4096xf32> to tensor<4096x512xf32>
  %centered = arith.subf %x, %means : tensor<4096x512xf32>
  %square = arith.mulf %centered, %centered : tensor<4096x512xf32>
  %squares = stc.reduce sum %square dims [1] : tensor<4096x512xf32> to tensor<4096xf32>
  %variance = arith.mulf %squares, %part : tensor<4096xf32>
  %more = arith.addf %variance, %little : tensor<4096xf32>
  %scale = math.rsqrt %more : tensor<4096xf32>
  %scales = stc.broadcast %scale dims [0] : tensor<4096xf32> to tensor<4096x512xf32>
  %scaled = arith.mulf %centered, %scales : tensor<4096x512xf32>
  %weights = stc.broadcast %w dims [1] : tensor<512xf32> to tensor<4096x512xf32>
  %weighted = arith.mulf %scaled, %weights : tensor<4096x512xf32>
  %y = arith.truncf %weighted : tensor<4096x512xf32> to tensor<4096x512xbf16>
  return %y : tensor<4096x512xbf16>
}

func.func @columns(%x: tensor<49152x512xf32>) -> (tensor<512xf32>, tensor<49152xf32>) {
  %row = stc.reduce sum %x dims [1] : tensor<49152x512xf32> to tensor<49152xf32>
  %rows = stc.broadcast %row dims [0] : tensor<49152xf32> to tensor<49152x512xf32>
  %y = arith.mulf %x, %rows : tensor<49152x512xf32>
  %sum = stc.reduce sum %y dims [0] : tensor<49152x512xf32> to tensor<512xf32>
  return %sum, %row : tensor<512xf32>, tensor<49152xf32>
}

func.func @dropout(%x: tensor<8000xbf16>, %seed: tensor<i64>) -> tensor<8000xbf16> {
  %u = stc.random uniform seed %seed step %seed stream 3 : tensor<8000xf32>
  %half = arith.constant dense<0.5> : tensor<8000xf32>
  %zero = arith.constant dense<0.0> : tensor<8000xbf16>
  %keep = arith.cmpf oge, %u, %half : tensor<8000xf32>
  %y = arith.select %keep, %x, %zero : tensor<8000xi1>, tensor<8000xbf16>
  return %y : tensor<8000xbf16>
}

func.func @odd(%x: tensor<9x33xf64>) -> tensor<9xf64> {
  %y = arith.mulf %x, %x : tensor<9x33xf64>
  %sum = stc.reduce sum %y dims [1] : tensor<9x33xf64> to tensor<9xf64>
  return %sum : tensor<9xf64>
}

func.func @rows_of(%t: tensor<257x512xf32>, %i: tensor<4096xi32>, %x: tensor<4096x512xf32>)
    -> (tensor<4096x512xf32>, tensor<257x512xf32>) {
  %g = stc.gather %t, %i : tensor<257x512xf32>, tensor<4096xi32> -> tensor<4096x512xf32>
  %s = stc.scatter_add %x, %i : tensor<4096x512xf32>, tensor<4096xi32> -> tensor<257x512xf32>
  return %g, %s : tensor<4096x512xf32>, tensor<257x512xf32>
}

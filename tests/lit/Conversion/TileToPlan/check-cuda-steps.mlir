// RUN: stc-opt %s --check-cuda-steps --split-input-file --verify-diagnostics

tile.kernel @attention kind "attention" (%x: memref<4xf32>, %y: memref<4xf32>, %item: index) {
  tile.return
}
func.func @attend(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = tile.launch @attention(%x) items 1 sizes [] tied [-1] inplace [-1] : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @products(%a: tensor<8x8xbf16>) -> tensor<8x8xbf16> {
  %b = stc.matmul %a, %a : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
  %c = stc.matmul %b, %a : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
  return %c : tensor<8x8xbf16>
}

// -----

tile.kernel @double kind "pointwise" (%x: memref<4xf32>, %y: memref<4xf32>, %item: index) {
  tile.return
}
func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected attention and dense products alone on a GPU so far, found a kernel of kind 'pointwise': compile it for the host}}
  %y = tile.launch @double(%x) items 1 sizes [] tied [-1] inplace [-1] : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

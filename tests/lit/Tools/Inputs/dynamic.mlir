func.func @attend(%q: tensor<1x1x1024x64xbf16>, %k: tensor<1x1x1024x64xbf16>, %v: tensor<1x1x1024x64xbf16>)
    -> (tensor<1x1x1024x64xbf16>, tensor<1x1x1024xf32>) attributes {stc.dynamic} {
  %o, %l = stc.attention %q, %k, %v scale 0.125 pattern <"fixed(128, 32)"> layout head_major
      : tensor<1x1x1024x64xbf16>, tensor<1x1x1024x64xbf16>, tensor<1x1x1024x64xbf16> -> tensor<1x1x1024x64xbf16>, tensor<1x1x1024xf32>
  return %o, %l : tensor<1x1x1024x64xbf16>, tensor<1x1x1024xf32>
}

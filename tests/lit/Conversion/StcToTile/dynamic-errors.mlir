// RUN: stc-opt %s --split-input-file --convert-stc-to-tile="target=sm_90a" --verify-diagnostics
// RUN: not stc-opt %s --split-input-file --convert-stc-to-tile="lanes=8 accumulators=28" 2>&1 | FileCheck %s
// CHECK: expected static sizes, as this target takes no others

func.func @twice(%x: tensor<1x2x64x64xbf16>) -> (tensor<1x2x64x64xbf16>, tensor<1x2x64xf32>) attributes {stc.dynamic} {
  // expected-error @+1 {{expected to be all of a function of dynamic sizes: operands that are its arguments and results that are its own, in this order}}
  %o, %l = stc.attention %x, %x, %x scale 0.125 pattern <"dense"> layout head_major
      : tensor<1x2x64x64xbf16>, tensor<1x2x64x64xbf16>, tensor<1x2x64x64xbf16> -> tensor<1x2x64x64xbf16>, tensor<1x2x64xf32>
  return %o, %l : tensor<1x2x64x64xbf16>, tensor<1x2x64xf32>
}

// -----

// expected-error @+1 {{expected a number of positions that is a multiple of 48, the periods of the pattern, found 2048}}
func.func @periods(%q: tensor<1x2x2048x64xbf16>, %k: tensor<1x2x2048x64xbf16>, %v: tensor<1x2x2048x64xbf16>)
    -> (tensor<1x2x2048x64xbf16>, tensor<1x2x2048xf32>) attributes {stc.dynamic} {
  %o, %l = stc.attention %q, %k, %v scale 0.125 pattern <"stride(48)"> layout head_major
      : tensor<1x2x2048x64xbf16>, tensor<1x2x2048x64xbf16>, tensor<1x2x2048x64xbf16> -> tensor<1x2x2048x64xbf16>, tensor<1x2x2048xf32>
  return %o, %l : tensor<1x2x2048x64xbf16>, tensor<1x2x2048xf32>
}

// RUN: stc-opt %s --convert-tile-to-plan --split-input-file --verify-diagnostics

// Sizes that 63 bits do not hold, by themselves or together.
// expected-error @below {{expected values of less than 2^63 bytes together, found more}}
func.func @one(%x: tensor<9223372036854775807xf32>) -> tensor<9223372036854775807xf32> {
  return %x : tensor<9223372036854775807xf32>
}

// -----

// expected-error @below {{expected values of less than 2^63 bytes together, found more}}
func.func @together(%x: tensor<4611686018427387904xi8>, %y: tensor<4611686018427387904xi8>) {
  return
}

// -----

// expected-error @below {{expected variables of less than 2^63 bytes together, found more}}
module {
  stc.variable parameter @v : tensor<4611686018427387904xi8>
  stc.variable parameter @w : tensor<4611686018427387904xi8>
}

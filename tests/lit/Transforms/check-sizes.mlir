// RUN: stc-opt %s --stc-check-sizes -split-input-file -verify-diagnostics | FileCheck %s
// RUN: not stc-compile %S/../Tools/Inputs/too-large.mlir -o %t 2>&1 | FileCheck %s --check-prefix=COMPILE

// COMPILE: too-large.mlir:1:{{[0-9]+}}: error: expected tensors of at most 2^47 bytes, which is all that a process can address, found 'tensor<9223372036854775807xf32>'

// CHECK-LABEL: func.func @negate(
func.func @negate(%x: tensor<64xf32>) -> tensor<64xf32> {
  %y = arith.negf %x : tensor<64xf32>
  return %y : tensor<64xf32>
}

// 2^47 bytes, nothing at all, and what never stands in memory.
// CHECK-LABEL: func.func @all(
func.func @all(%x: tensor<35184372088832xf32>, %y: tensor<0x9223372036854775807xf32>) -> tensor<1x1x1073741824x1073741824xf32, #stc.pattern<"local(3)">> {
  %0 = arith.constant dense<0.0> : tensor<1x1x1073741824x1073741824xf32, #stc.pattern<"local(3)">>
  return %0 : tensor<1x1x1073741824x1073741824xf32, #stc.pattern<"local(3)">>
}

// -----

// expected-error @below {{expected tensors of at most 2^47 bytes, which is all that a process can address, found 'tensor<35184372088833xf32>'}}
func.func @argument(%x: tensor<35184372088833xf32>) {
  return
}

// -----

func.func @result(%x: tensor<f32>) {
  // expected-error @below {{found 'tensor<4294967296x65536xf32>'}}
  %y = stc.broadcast %x dims [] : tensor<f32> to tensor<4294967296x65536xf32>
  return
}

// -----

// expected-error @below {{found 'tensor<9223372036854775807xi1>'}}
stc.variable parameter @w : tensor<9223372036854775807xi1>

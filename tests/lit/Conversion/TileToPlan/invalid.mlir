// RUN: stc-opt %s --convert-tile-to-plan --split-input-file --verify-diagnostics

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{expected a launch, a matmul, a reshape, a read, a write, an exchange or a constant of zeros at the tile level, found 'arith.addf'}}
  %0 = arith.addf %x, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @f() -> tensor<4xf32> {
  // expected-error @+1 {{found 'arith.constant'}}
  %0 = arith.constant dense<1.0> : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{expected arguments that are tensors of numbers and of static shape, found 'f32'}}
func.func @f(%x: f32) { return }

// -----

// expected-error @+1 {{(C3) expected different names, found "x" twice}}
func.func @f(%x: tensor<f32> {stc.name = "x"}, %y: tensor<f32> {stc.name = "x"}) { return }

// -----

// expected-error @+1 {{expected a function of one block at the tile level}}
func.func @f() {
  cf.br ^bb1
^bb1:
  return
}

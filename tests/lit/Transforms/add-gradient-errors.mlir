// RUN: stc-opt %s --stc-add-gradient=functions=f --split-input-file --verify-diagnostics

// expected-error @below {{expected a function named @f to differentiate}}
module {
  stc.variable parameter @f : tensor<4xf32>
}

// -----

// expected-error @+1 {{expected a public function with a body of one block}}
func.func private @f(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }

// -----

// expected-error @+1 {{expected a public function with a body of one block}}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  cf.br ^end
^end:
  return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{expected arguments and results that are tensors}}
func.func @f(%x: tensor<4xf32>, %y: f32) -> tensor<4xf32> { return %x : tensor<4xf32> }

// -----

// expected-error @+1 {{expected an argument that is a tensor of floats}}
func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> { return %x : tensor<?xf32> }

// -----

// expected-error @+1 {{expected a result that is a tensor of floats}}
func.func @f(%x: tensor<4xf32>, %i: tensor<4xi32>) -> tensor<4xi32> { return %i : tensor<4xi32> }

// -----

stc.variable parameter @w : tensor<4xf32>
// expected-note @+1 {{to be differentiated}}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{expected a function that writes no variable}}
  stc.write @w, %x : tensor<4xf32>
  return %x : tensor<4xf32>
}

// -----

func.func private @f.grad()
// expected-error @+1 {{expected no other symbol with the name of the gradient, found @f.grad}}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }

// -----

// expected-error @+1 {{expected no argument with the name of a result's gradient, found "grad_y"}}
func.func @f(%x: tensor<4xf32> {stc.name = "grad_y"}) -> (tensor<4xf32> {stc.name = "y"}) {
  return %x : tensor<4xf32>
}

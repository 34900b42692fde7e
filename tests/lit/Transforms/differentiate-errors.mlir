// RUN: stc-opt %s --stc-differentiate --split-input-file --verify-diagnostics

func.func @maximum(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{has no gradient for a maximum; stc.stop_gradient makes it a constant}}
  %y = stc.reduce max %x dims [0] : tensor<4xf32> to tensor<f32>
  %d = stc.gradient %y wrt %x : (tensor<f32>) wrt (tensor<4xf32>) -> tensor<4xf32>
  return %d : tensor<4xf32>
}

// -----

func.func @unknown(%x: tensor<f32>) -> tensor<f32> {
  // expected-error @+1 {{'math.erf' op has no gradient, but the differentiated value depends on it}}
  %y = math.erf %x : tensor<f32>
  // expected-note @+1 {{differentiated here}}
  %d = stc.gradient %y wrt %x : (tensor<f32>) wrt (tensor<f32>) -> tensor<f32>
  return %d : tensor<f32>
}

// -----

!x = tensor<1x16x2x4xf32>
func.func @logsumexp(%q: !x) -> !x {
  // expected-error @+1 {{has no gradient through its log-sum-exp}}
  %o, %lse = stc.attention %q, %q, %q scale 0.5 pattern <"local(4)"> : !x, !x, !x -> !x, tensor<1x2x16xf32>
  %d = stc.gradient %lse seed %lse wrt %q : (tensor<1x2x16xf32>) seed (tensor<1x2x16xf32>) wrt (!x) -> !x
  return %d : !x
}

// -----

// A value that a region reads.
func.func @region(%x: tensor<f32>, %c: i1) -> tensor<f32> {
  // expected-error @+1 {{'scf.if' op has no gradient, but the differentiated value depends on it}}
  %y = scf.if %c -> tensor<f32> {
    %square = arith.mulf %x, %x : tensor<f32>
    scf.yield %square : tensor<f32>
  } else {
    %one = arith.constant dense<1.0> : tensor<f32>
    scf.yield %one : tensor<f32>
  }
  // expected-note @+1 {{differentiated here}}
  %d = stc.gradient %y wrt %x : (tensor<f32>) wrt (tensor<f32>) -> tensor<f32>
  return %d : tensor<f32>
}

// -----

func.func @blocks(%x: tensor<f32>) -> tensor<f32> {
  %y = arith.mulf %x, %x : tensor<f32>
  cf.br ^next
^next:
  %z = arith.mulf %y, %y : tensor<f32>
  // expected-error @+1 {{expected values of its own block}}
  %d = stc.gradient %z wrt %x : (tensor<f32>) wrt (tensor<f32>) -> tensor<f32>
  return %d : tensor<f32>
}

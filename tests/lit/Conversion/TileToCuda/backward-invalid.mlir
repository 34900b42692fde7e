// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda --split-input-file --verify-diagnostics

!x = tensor<1x128x1x64xf64>
!l = tensor<1x1x128xf32>
func.func @type(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  // expected-error @+1 {{expected elements of f32, bf16 or f16, found 'f64'}}
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"dense">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

!x = tensor<1x128x1x129xbf16>
!l = tensor<1x1x128xf32>
func.func @size(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  // expected-error @+1 {{expected heads of at most 128 elements on this GPU, found 129}}
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"dense">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

!r = tensor<1x1x1x64xf64>
!x = tensor<1x128x1x64xf64>
func.func @row(%q: !r, %k: !x, %v: !x, %p: tensor<i32>) -> !r {
  // expected-error @+1 {{expected elements of f32, bf16 or f16, found 'f64'}}
  %o = stc.attention_row %q, %k, %v at %p scale 0.125 pattern <"dense"> : !r, !x, !x -> !r
  return %o : !r
}

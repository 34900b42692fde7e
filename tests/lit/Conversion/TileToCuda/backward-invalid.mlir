// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --convert-tile-to-plan --convert-tile-to-cuda --split-input-file --verify-diagnostics

!x = tensor<1x128x1x64xf32>
!l = tensor<1x1x128xf32>
func.func @type(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  // expected-error @+1 {{expected operands of type bf16 or f16 on this GPU, found 'f32'}}
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

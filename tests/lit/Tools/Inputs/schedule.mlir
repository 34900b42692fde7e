!x = tensor<4x12288x8x64xbf16>
!l = tensor<4x8x12288xf32>
func.func @strided(%q: !x, %k: !x, %v: !x, %g: !x) -> (!x, !x, !x, !x) {
  %o, %l = stc.attention %q, %k, %v scale 0.125 pattern <"strided(128)"> : !x, !x, !x -> !x, !l
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %l, %g scale 0.125 pattern <"strided(128)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %o, %dq, %dk, %dv : !x, !x, !x, !x
}

!fewer = tensor<4x12288x2x64xbf16>
func.func @dense(%q: !x, %k: !fewer, %v: !fewer, %g: !x) -> (!x, !x, !fewer, !fewer) {
  %o, %l = stc.attention %q, %k, %v scale 0.125 pattern <"dense"> : !x, !fewer, !fewer -> !x, !l
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %l, %g scale 0.125 pattern <"dense">
      : !x, !fewer, !fewer, !x, !l, !x -> !x, !fewer, !fewer
  return %o, %dq, %dk, %dv : !x, !x, !fewer, !fewer
}

!short = tensor<16x3072x2x128xbf16>
!s = tensor<16x2x3072xf32>
func.func @packed(%q: !short, %k: !short, %v: !short) -> !short {
  %o, %l = stc.attention %q, %k, %v scale 0.088 pattern <"stride(128)"> : !short, !short, !short -> !short, !s
  return %o : !short
}

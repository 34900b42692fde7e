!x = tensor<4x12288x8x64xbf16>
!l = tensor<4x8x12288xf32>
func.func @strided(%q: !x, %k: !x, %v: !x, %g: !x) -> (!x, !x, !x, !x) {
  %o, %l = stc.attention %q, %k, %v scale 0.125 pattern <"strided(128)"> : !x, !x, !x -> !x, !l
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %l, %g scale 0.125 pattern <"strided(128)">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %o, %dq, %dk, %dv : !x, !x, !x, !x
}

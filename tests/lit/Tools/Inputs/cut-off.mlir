!k = tensor<1x1793x1x128xbf16>
!v = tensor<1x1793x1x8xbf16>
!l = tensor<1x1x1793xf32>
func.func @cut_off(%q: !k, %k: !k, %v: !v) -> !v {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"stride(256)"> : !k, !k, !v -> !v, !l
  return %o : !v
}

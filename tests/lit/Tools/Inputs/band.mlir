!x = tensor<1x512x2x64xbf16>
!l = tensor<1x2x512xf32>
func.func @band(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(128)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// RUN: stc-opt %s --convert-stc-to-tile --split-input-file --verify-diagnostics

// What no kernel of attention takes is refused in words.
!d = tensor<1x20x2x16xf64>
func.func @f64(%q: !d, %k: !d, %v: !d) -> !d {
  // expected-error @below {{expected elements of f32, bf16 or f16, found 'f64'}}
  %o, %l = stc.attention %q, %k, %v scale 0.25 pattern <"strided(4)"> : !d, !d, !d -> !d, tensor<1x2x20xf32>
  return %o : !d
}

// -----

!w = tensor<1x20x2x65537xf32>
!x = tensor<1x20x2x16xf32>
func.func @wide(%q: !x, %k: !x, %v: !w) -> !w {
  // expected-error @below {{expected heads of at most 65536 elements, found 65537}}
  %o, %l = stc.attention %q, %k, %v scale 0.25 pattern <"strided(4)"> : !x, !x, !w -> !w, tensor<1x2x20xf32>
  return %o : !w
}

// -----

!r = tensor<1x1x2x2147483648xf32>
!k = tensor<1x20x2x2147483648xf32>
func.func @row(%q: !r, %k: !k, %v: !k, %p: tensor<i32>) -> !r {
  // expected-error @below {{expected heads of at most 65536 elements, found 2147483648}}
  %o = stc.attention_row %q, %k, %v at %p scale 0.25 pattern <"strided(4)"> : !r, !k, !k -> !r
  return %o : !r
}

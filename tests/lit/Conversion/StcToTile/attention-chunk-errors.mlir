// RUN: stc-opt %s --split-input-file --convert-stc-to-tile="lanes=8 accumulators=28" --verify-diagnostics

func.func @residues(%q: tensor<1x32x1x16xf32>, %k: tensor<1x64x1x16xf32>, %r: tensor<i32>) -> tensor<1x32x1x16xf32> {
  // expected-error @+1 {{expected a pattern that is seen in views of one residue, found "stride(2)"}}
  %o, %l = stc.attention_chunk %q, %k, %k chunk %r of 2 block 32 keys <1, 0, 1> scale 0.25 pattern <"stride(2)">
      : tensor<1x32x1x16xf32>, tensor<1x64x1x16xf32>, tensor<1x64x1x16xf32> -> tensor<1x32x1x16xf32>, tensor<1x1x32xf32>
  return %o : tensor<1x32x1x16xf32>
}

// -----

func.func @keys(%q: tensor<1x32x1x16xf32>, %k: tensor<1x16x1x16xf32>, %r: tensor<i32>) -> tensor<1x32x1x16xf32> {
  // expected-error @+1 {{expected a pattern that is seen in a view of keys that are there, found "dense"}}
  %o, %l = stc.attention_chunk %q, %k, %k chunk %r of 2 block 32 keys <8, 6, 2> scale 0.25 pattern <"dense">
      : tensor<1x32x1x16xf32>, tensor<1x16x1x16xf32>, tensor<1x16x1x16xf32> -> tensor<1x32x1x16xf32>, tensor<1x1x32xf32>
  return %o : tensor<1x32x1x16xf32>
}

// -----

func.func @blocks(%q: tensor<1x32x1x16xf32>, %k: tensor<1x64x1x16xf32>, %r: tensor<i32>) -> tensor<1x32x1x16xf32> {
  // expected-error @+1 {{expected a pattern that is seen in tiles of which blocks have whole ones, found "dense"}}
  %o, %l = stc.attention_chunk %q, %k, %k chunk %r of 2 block 2 keys <1, 0, 1> scale 0.25 pattern <"dense">
      : tensor<1x32x1x16xf32>, tensor<1x64x1x16xf32>, tensor<1x64x1x16xf32> -> tensor<1x32x1x16xf32>, tensor<1x1x32xf32>
  return %o : tensor<1x32x1x16xf32>
}

// -----

// Queries that have no keys of their own chunk have some of others: no warning.
func.func @own(%q: tensor<1x32x1x16xf32>, %k: tensor<1x64x1x16xf32>, %r: tensor<i32>) -> tensor<1x32x1x16xf32> {
  %o, %l = stc.attention %q, %q, %q scale 0.25 pattern <"{ [i] -> [j] : j <= i - 8 }">
      : tensor<1x32x1x16xf32>, tensor<1x32x1x16xf32>, tensor<1x32x1x16xf32> -> tensor<1x32x1x16xf32>, tensor<1x1x32xf32>
  %p, %m = stc.attention_chunk %q, %k, %k chunk %r of 2 block 32 keys <1, 0, 1> from %o, %l scale 0.25
      pattern <"{ [i] -> [j] : j <= i - 8 and floor(j/32) < floor(i/32) }">
      : tensor<1x32x1x16xf32>, tensor<1x64x1x16xf32>, tensor<1x64x1x16xf32> from tensor<1x32x1x16xf32>, tensor<1x1x32xf32>
      -> tensor<1x32x1x16xf32>, tensor<1x1x32xf32>
  return %p : tensor<1x32x1x16xf32>
}

// -----

func.func @alone(%q: tensor<1x32x1x16xf32>) -> tensor<1x32x1x16xf32> {
  // expected-warning @+1 {{pattern "{ [i] -> [j] : j <= i - 8 }" has no key for some queries}}
  %o, %l = stc.attention %q, %q, %q scale 0.25 pattern <"{ [i] -> [j] : j <= i - 8 }">
      : tensor<1x32x1x16xf32>, tensor<1x32x1x16xf32>, tensor<1x32x1x16xf32> -> tensor<1x32x1x16xf32>, tensor<1x1x32xf32>
  return %o : tensor<1x32x1x16xf32>
}

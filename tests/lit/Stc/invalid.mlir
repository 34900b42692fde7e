// One test for each numbered constraint of the ops' descriptions, and for the types they share.
// RUN: stc-opt %s --split-input-file --verify-diagnostics

// Tensors

func.func @no_elements(%x: tensor<0x8xf32>) {
  // expected-error @+1 {{operand #0 must be non-empty tensor of static shape without an encoding}}
  %y = stc.reshape %x : tensor<0x8xf32> to tensor<8x0xf32>
  return
}

// -----

func.func @dynamic(%x: tensor<?xf32>) {
  // expected-error @+1 {{operand #0 must be non-empty tensor of static shape without an encoding}}
  %y = stc.reshape %x : tensor<?xf32> to tensor<1xf32>
  return
}

// -----

func.func @encoded(%x: tensor<1x2x8x8xf32, #stc.pattern<"dense">>) {
  // expected-error @+1 {{operand #0 must be non-empty tensor of static shape without an encoding}}
  %y = stc.reshape %x : tensor<1x2x8x8xf32, #stc.pattern<"dense">> to tensor<128xf32>
  return
}

// -----

// Patterns

// expected-error @+1 {{in pattern "strided(" at byte 8: }}
func.func private @pattern_text(tensor<1x2x8x8xf32, #stc.pattern<"strided(">>)

// -----

// expected-error @+1 {{expected a pattern on a tensor of shape [batch, heads, queries, keys], found rank 2}}
func.func private @pattern_rank(tensor<8x8xf32, #stc.pattern<"dense">>)

// -----

// Variables: (C1) is the type's own check.

// expected-error @+1 {{type attribute of non-empty tensor of static shape without an encoding}}
stc.variable scratch @v : tensor<1x2x8x8xf32, #stc.pattern<"dense">>

// -----

func.func @read_missing() {
  // expected-error @+1 {{'stc.read' op (C1) expected a variable named @w}}
  %w = stc.read @w : tensor<8xf32>
  return
}

// -----

stc.variable parameter @w : tensor<8xf32>
func.func @read_type() {
  // expected-error @+1 {{'stc.read' op (C1) expected the type of the variable @w, 'tensor<8xf32>', found 'tensor<4xf32>'}}
  %w = stc.read @w : tensor<4xf32>
  return
}

// -----

func.func @w() { return }
func.func @write_missing(%x: tensor<8xf32>) {
  // expected-error @+1 {{'stc.write' op (C1) expected a variable named @w}}
  stc.write @w, %x : tensor<8xf32>
  return
}

// -----

stc.variable parameter @w : tensor<8xf32>
func.func @write_type(%x: tensor<8xbf16>) {
  // expected-error @+1 {{'stc.write' op (C1) expected the type of the variable @w, 'tensor<8xf32>', found 'tensor<8xbf16>'}}
  stc.write @w, %x : tensor<8xbf16>
  return
}

// -----

// Shapes

func.func @broadcast_c1_count(%x: tensor<8xf32>) {
  // expected-error @+1 {{(C1) expected 1 dims, found 2}}
  %y = stc.broadcast %x dims [0, 1] : tensor<8xf32> to tensor<8x8xf32>
  return
}

// -----

func.func @broadcast_c1_order(%x: tensor<8x8xf32>) {
  // expected-error @+1 {{(C1) expected dims to be increasing and in [0, 3), found [1, 0]}}
  %y = stc.broadcast %x dims [1, 0] : tensor<8x8xf32> to tensor<8x8x8xf32>
  return
}

// -----

func.func @broadcast_c2(%x: tensor<8xf32>) {
  // expected-error @+1 {{(C2) expected size 4 for result dimension 1, found 8}}
  %y = stc.broadcast %x dims [1] : tensor<8xf32> to tensor<8x4xf32>
  return
}

// -----

func.func @broadcast_c3(%x: tensor<8xf32>) {
  // expected-error @+1 {{(C3) expected equal element types, found 'f32' and 'bf16'}}
  %y = stc.broadcast %x dims [1] : tensor<8xf32> to tensor<8x8xbf16>
  return
}

// -----

func.func @reduce_c1_none(%x: tensor<8xf32>) {
  // expected-error @+1 {{(C1) expected at least one dimension to reduce}}
  %y = stc.reduce sum %x dims [] : tensor<8xf32> to tensor<8xf32>
  return
}

// -----

func.func @reduce_c1_order(%x: tensor<8xf32>) {
  // expected-error @+1 {{(C1) expected dims to be increasing and in [0, 1), found [1]}}
  %y = stc.reduce sum %x dims [1] : tensor<8xf32> to tensor<f32>
  return
}

// -----

func.func @reduce_c2(%x: tensor<8x4xf32>) {
  // expected-error @+1 {{(C2) expected a result of shape [4], found [8]}}
  %y = stc.reduce sum %x dims [0] : tensor<8x4xf32> to tensor<8xf32>
  return
}

// -----

func.func @reduce_c3(%x: tensor<8xf32>) {
  // expected-error @+1 {{(C3) expected equal element types, found 'f32' and 'f64'}}
  %y = stc.reduce max %x dims [0] : tensor<8xf32> to tensor<f64>
  return
}

// -----

func.func @reshape_c1_count(%x: tensor<8x4xf32>) {
  // expected-error @+1 {{(C1) expected 32 elements, found 31}}
  %y = stc.reshape %x : tensor<8x4xf32> to tensor<31xf32>
  return
}

// -----

func.func @reshape_c1_element(%x: tensor<8xf32>) {
  // expected-error @+1 {{(C1) expected equal element types, found 'f32' and 'i32'}}
  %y = stc.reshape %x : tensor<8xf32> to tensor<8xi32>
  return
}

// -----

func.func @split_c1(%x: tensor<8x4xf32>) {
  // expected-error @+1 {{(C1) expected all dimensions but the last to be equal, found [4, 2] and [8, 4]}}
  %y:2 = stc.split %x : tensor<8x4xf32> to tensor<8x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @split_c1_element(%x: tensor<8x4xf32>) {
  // expected-error @+1 {{(C1) expected equal element types, found 'f64' and 'f32'}}
  %y:2 = stc.split %x : tensor<8x4xf32> to tensor<8x2xf32>, tensor<8x2xf64>
  return
}

// -----

func.func @split_c2(%x: tensor<8x4xf32>) {
  // expected-error @+1 {{(C2) expected the last dimensions of the parts to add up to 4, found 5}}
  %y:2 = stc.split %x : tensor<8x4xf32> to tensor<8x2xf32>, tensor<8x3xf32>
  return
}

// -----

func.func @concat_c1(%a: tensor<8x4xf32>, %b: tensor<f32>) {
  // expected-error @+1 {{(C1) expected all dimensions but the last to be equal, found [] and [8, 5]}}
  %y = stc.concat %a, %b : tensor<8x4xf32>, tensor<f32> to tensor<8x5xf32>
  return
}

// -----

func.func @concat_c2(%a: tensor<8x4xf32>, %b: tensor<8x2xf32>) {
  // expected-error @+1 {{(C2) expected the last dimensions of the parts to add up to 8, found 6}}
  %y = stc.concat %a, %b : tensor<8x4xf32>, tensor<8x2xf32> to tensor<8x8xf32>
  return
}

// -----

// Sources

func.func @iota_c1() {
  // expected-error @+1 {{(C1) expected a dimension in [0, 2), found 2}}
  %i = stc.iota 2 : tensor<8x8xi32>
  return
}

// -----

func.func @random_c1(%s: tensor<i64>) {
  // expected-error @+1 {{(C1) expected element type f32, found 'f64'}}
  %u = stc.random uniform seed %s step %s stream 7 : tensor<8xf64>
  return
}

// -----

// Dense products and tables

func.func @matmul_c1(%a: tensor<2x8x4xf32>, %b: tensor<3x4x8xf32>) {
  // expected-error @+1 {{(C1) expected operands of rank 2, or a batch of the same shape, found [2, 8, 4] and [3, 4, 8]}}
  %c = stc.matmul %a, %b : tensor<2x8x4xf32>, tensor<3x4x8xf32> -> tensor<2x8x8xf32>
  return
}

// -----

func.func @matmul_c2(%a: tensor<8x4xf32>, %b: tensor<4x8xf32>) {
  // expected-error @+1 {{(C2) expected equal contracted dimensions, found 4 and 8}}
  %c = stc.matmul %a, %b transpose_rhs : tensor<8x4xf32>, tensor<4x8xf32> -> tensor<8x8xf32>
  return
}

// -----

func.func @matmul_c3(%a: tensor<8x4xf32>, %b: tensor<4x16xf32>) {
  // expected-error @+1 {{(C3) expected a result of shape [8, 16], found [16, 8]}}
  %c = stc.matmul %a, %b : tensor<8x4xf32>, tensor<4x16xf32> -> tensor<16x8xf32>
  return
}

// -----

func.func @matmul_c4(%a: tensor<2x4x8xf32>, %b: tensor<4x16xf32>) {
  // expected-error @+1 {{(C4) expected both operands to have the batch when lhs is transposed}}
  %c = stc.matmul %a, %b transpose_lhs : tensor<2x4x8xf32>, tensor<4x16xf32> -> tensor<2x8x16xf32>
  return
}

// -----

func.func @matmul_c5(%a: tensor<8x4xf32>, %b: tensor<4x16xbf16>) {
  // expected-error @+1 {{(C5) expected equal element types, found 'f32' and 'bf16'}}
  %c = stc.matmul %a, %b : tensor<8x4xf32>, tensor<4x16xbf16> -> tensor<8x16xf32>
  return
}

// -----

func.func @gather_c1(%t: tensor<16x4xf32>, %i: tensor<8xi32>) {
  // expected-error @+1 {{(C1) expected a table of rank 2 and rows of the indices' shape and the table's columns, found [16, 4], [8] and [8, 5]}}
  %e = stc.gather %t, %i : tensor<16x4xf32>, tensor<8xi32> -> tensor<8x5xf32>
  return
}

// -----

func.func @gather_c1_element(%t: tensor<16x4xf32>, %i: tensor<8xi32>) {
  // expected-error @+1 {{(C1) expected equal element types, found 'f32' and 'f64'}}
  %e = stc.gather %t, %i : tensor<16x4xf32>, tensor<8xi32> -> tensor<8x4xf64>
  return
}

// -----

func.func @scatter_add_c1(%g: tensor<8x4xf32>, %i: tensor<8xi32>) {
  // expected-error @+1 {{(C1) expected a table of rank 2 and rows of the indices' shape and the table's columns, found [2, 16, 4], [8] and [8, 4]}}
  %t = stc.scatter_add %g, %i : tensor<8x4xf32>, tensor<8xi32> -> tensor<2x16x4xf32>
  return
}

// -----

func.func @insert_row_c1(%row: tensor<2x2x4xf32>, %to: tensor<2x8x4xf32>, %p: tensor<i32>) {
  // expected-error @+1 {{(C1) expected a row of shape [2, 1, 4], found [2, 2, 4]}}
  %c = stc.insert_row %row into %to at %p : tensor<2x2x4xf32> into tensor<2x8x4xf32>
  return
}

// -----

// Attention, unfused

func.func @scores_c1(%q: tensor<1x8x2x4xf32>, %k: tensor<1x8x2x5xf32>) {
  // expected-error @+1 {{(C1) expected query and key of shape [batch, positions, heads, size] with equal batch and size, found [1, 8, 2, 4] and [1, 8, 2, 5]}}
  %s = stc.scores %q, %k : tensor<1x8x2x4xf32>, tensor<1x8x2x5xf32> -> tensor<1x2x8x8xf32, #stc.pattern<"dense">>
  return
}

// -----

func.func @scores_c1_groups(%q: tensor<1x2x8x4xf32>, %k: tensor<1x4x8x4xf32>) {
  // expected-error @+1 {{(C1) expected a multiple of the 4 heads of keys as heads of queries, found 2}}
  %s = stc.scores %q, %k layout head_major : tensor<1x2x8x4xf32>, tensor<1x4x8x4xf32> -> tensor<1x2x8x8xf32, #stc.pattern<"dense">>
  return
}

// -----

func.func @scores_c2_pattern(%q: tensor<1x8x2x4xf32>) {
  // expected-error @+1 {{(C2) expected a result of shape [1, 2, 8, 8] with a pattern, found 'tensor<1x2x8x8xf32>'}}
  %s = stc.scores %q, %q : tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32> -> tensor<1x2x8x8xf32>
  return
}

// -----

func.func @scores_c2_shape(%q: tensor<1x8x2x4xf32>) {
  // expected-error @+1 {{(C2) expected a result of shape [1, 2, 8, 8] with a pattern}}
  %s = stc.scores %q, %q : tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32> -> tensor<1x8x8x2xf32, #stc.pattern<"dense">>
  return
}

// -----

func.func @scores_c3(%q: tensor<1x8x2x4xf32>, %k: tensor<1x9x2x4xf32>) {
  // expected-error @+1 {{(C3) expected as many queries as keys, found 8 and 9}}
  %s = stc.scores %q, %k : tensor<1x8x2x4xf32>, tensor<1x9x2x4xf32> -> tensor<1x2x8x9xf32, #stc.pattern<"dense">>
  return
}

// -----

func.func @scores_c4(%q: tensor<1x8x2x4xf32>) {
  // expected-error @+1 {{(C4) expected equal element types, found 'f32' and 'f64'}}
  %s = stc.scores %q, %q : tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32> -> tensor<1x2x8x8xf64, #stc.pattern<"dense">>
  return
}

// -----

func.func @softmax_c1(%s: tensor<1x2x8x8xf32>) {
  // expected-error @+1 {{'stc.softmax' op (C1) expected a tensor with a pattern}}
  %p = stc.softmax %s : tensor<1x2x8x8xf32>
  return
}

// -----

func.func @softmax_grad_c1(%p: tensor<1x2x8x8xf32>) {
  // expected-error @+1 {{'stc.softmax_grad' op (C1) expected a tensor with a pattern}}
  %d = stc.softmax_grad %p, %p : tensor<1x2x8x8xf32>
  return
}

// -----

func.func @aggregate_c1(%p: tensor<1x2x8x8xf32>, %v: tensor<1x8x2x4xf32>) {
  // expected-error @+1 {{'stc.aggregate' op (C1) expected a tensor with a pattern}}
  %o = stc.aggregate %p, %v : tensor<1x2x8x8xf32>, tensor<1x8x2x4xf32> -> tensor<1x8x2x4xf32>
  return
}

// -----

func.func @aggregate_c2(%p: tensor<1x2x8x8xf32, #stc.pattern<"dense">>, %v: tensor<1x9x2x4xf32>) {
  // expected-error @+1 {{(C2) expected values of shape [batch, positions, heads, size] to match weights [1, 2, 8, 8], found [1, 9, 2, 4]}}
  %o = stc.aggregate %p, %v : tensor<1x2x8x8xf32, #stc.pattern<"dense">>, tensor<1x9x2x4xf32> -> tensor<1x8x2x4xf32>
  return
}

// -----

func.func @aggregate_c2_layout(%p: tensor<1x2x8x8xf32, #stc.pattern<"dense">>, %v: tensor<1x2x8x4xf32>) {
  // expected-error @+1 {{(C2) expected a result of shape [batch, heads, positions, size] to match weights [1, 2, 8, 8], found [1, 8, 2, 4]}}
  %o = stc.aggregate %p, %v layout head_major : tensor<1x2x8x8xf32, #stc.pattern<"dense">>, tensor<1x2x8x4xf32> -> tensor<1x8x2x4xf32>
  return
}

// -----

func.func @aggregate_c2_size(%p: tensor<1x2x8x8xf32, #stc.pattern<"dense">>, %v: tensor<1x8x2x4xf32>) {
  // expected-error @+1 {{(C2) expected values and result of equal size, found 4 and 5}}
  %o = stc.aggregate %p, %v : tensor<1x2x8x8xf32, #stc.pattern<"dense">>, tensor<1x8x2x4xf32> -> tensor<1x8x2x5xf32>
  return
}

// -----

func.func @aggregate_c4(%p: tensor<1x2x8x8xf32, #stc.pattern<"dense">>, %v: tensor<1x8x1x4xf32>) {
  // expected-error @+1 {{(C4) expected 2 heads of the result, found 1}}
  %o = stc.aggregate %p, %v : tensor<1x2x8x8xf32, #stc.pattern<"dense">>, tensor<1x8x1x4xf32> -> tensor<1x8x1x4xf32>
  return
}

// -----

func.func @aggregate_c4_transpose(%p: tensor<1x2x8x8xf32, #stc.pattern<"dense">>, %v: tensor<1x8x1x4xf32>) {
  // expected-error @+1 {{(C4) expected 2 heads of values, found 1}}
  %o = stc.aggregate %p, %v transpose : tensor<1x2x8x8xf32, #stc.pattern<"dense">>, tensor<1x8x1x4xf32> -> tensor<1x8x2x4xf32>
  return
}

// -----

func.func @aggregate_c4_groups(%p: tensor<1x4x8x8xf32, #stc.pattern<"dense">>, %v: tensor<1x8x3x4xf32>) {
  // expected-error @+1 {{(C4) expected a multiple of the 3 heads of keys as heads of queries, found 4}}
  %o = stc.aggregate %p, %v : tensor<1x4x8x8xf32, #stc.pattern<"dense">>, tensor<1x8x3x4xf32> -> tensor<1x8x4x4xf32>
  return
}

// -----

func.func @aggregate_c3(%p: tensor<1x2x8x8xf32, #stc.pattern<"dense">>, %v: tensor<1x8x2x4xf16>) {
  // expected-error @+1 {{(C3) expected equal element types, found 'f32' and 'f16'}}
  %o = stc.aggregate %p, %v : tensor<1x2x8x8xf32, #stc.pattern<"dense">>, tensor<1x8x2x4xf16> -> tensor<1x8x2x4xf16>
  return
}

// -----

// Attention, fused

func.func @attention_c1_rank(%q: tensor<8x4xf32>) {
  // expected-error @+1 {{(C1) expected query, key and value of shape [batch, positions, heads, size]}}
  %o, %l = stc.attention %q, %q, %q scale 0.5 pattern <"dense">
      : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32> -> tensor<8x4xf32>, tensor<8xf32>
  return
}

// -----

func.func @attention_c1_key(%q: tensor<1x8x2x4xf32>, %k: tensor<1x8x2x5xf32>) {
  // expected-error @+1 {{(C1) expected a query of shape [1, 8, 2, 5] to match the key, found [1, 8, 2, 4]}}
  %o, %l = stc.attention %q, %k, %k scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x8x2x5xf32>, tensor<1x8x2x5xf32> -> tensor<1x8x2x5xf32>, tensor<1x2x8xf32>
  return
}

// -----

func.func @attention_c1_value(%q: tensor<1x8x2x4xf32>, %v: tensor<1x8x3x4xf32>) {
  // expected-error @+1 {{(C1) expected key and value with equal batch, positions and heads, found [1, 8, 2, 4] and [1, 8, 3, 4]}}
  %o, %l = stc.attention %q, %q, %v scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x3x4xf32> -> tensor<1x8x3x4xf32>, tensor<1x2x8xf32>
  return
}

// -----

func.func @attention_c1_element(%q: tensor<1x8x2x4xf32>, %v: tensor<1x8x2x4xf64>) {
  // expected-error @+1 {{(C1) expected equal element types, found 'f32' and 'f64'}}
  %o, %l = stc.attention %q, %q, %v scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf64> -> tensor<1x8x2x4xf64>, tensor<1x2x8xf32>
  return
}

// -----

func.func @attention_c1_groups(%q: tensor<1x8x4x4xf32>, %k: tensor<1x8x3x4xf32>) {
  // expected-error @+1 {{(C1) expected a multiple of the 3 heads of keys as heads of queries, found 4}}
  %o, %l = stc.attention %q, %k, %k scale 0.5 pattern <"dense">
      : tensor<1x8x4x4xf32>, tensor<1x8x3x4xf32>, tensor<1x8x3x4xf32> -> tensor<1x8x4x4xf32>, tensor<1x4x8xf32>
  return
}

// -----

func.func @attention_c1_layout(%q: tensor<1x8x2x4xf32>, %k: tensor<1x2x8x4xf32>) {
  // expected-error @+1 {{(C1) expected a query of shape [1, 8, 8, 4] to match the key, found [1, 8, 2, 4]}}
  %o, %l = stc.attention %q, %k, %k scale 0.5 pattern <"dense"> layout head_major
      : tensor<1x8x2x4xf32>, tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32> -> tensor<1x8x2x4xf32>, tensor<1x8x2xf32>
  return
}

// -----

func.func @attention_c2_heads(%q: tensor<1x2x8x4xf32>, %k: tensor<1x1x8x4xf32>) {
  // expected-error @+1 {{(C2) expected an output of type 'tensor<1x2x8x4xf32>' and a log-sum-exp [batch, heads, positions] of f32}}
  %o, %l = stc.attention %q, %k, %k scale 0.5 pattern <"dense"> layout head_major
      : tensor<1x2x8x4xf32>, tensor<1x1x8x4xf32>, tensor<1x1x8x4xf32> -> tensor<1x1x8x4xf32>, tensor<1x2x8xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<1x8x2x4xf32>) {
  // expected-error @+1 {{(C2) expected an output of type 'tensor<1x8x2x4xf32>' and a log-sum-exp [batch, heads, positions] of f32}}
  %o, %l = stc.attention %q, %q, %q scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32> -> tensor<1x8x2x4xf32>, tensor<1x8x2xf32>
  return
}

// -----

func.func @attention_grad_c1(%q: tensor<1x8x2x4xf32>, %l: tensor<1x2x8xf32>, %do: tensor<1x8x4x2xf32>) {
  // expected-error @+1 {{(C1) expected the output's gradient to have the output's type}}
  %d:3 = stc.attention_grad %q, %q, %q, %q, %l, %do scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x2x8xf32>,
        tensor<1x8x4x2xf32>
      -> tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>
  return
}

// -----

func.func @attention_grad_c1_logsumexp(%q: tensor<1x8x2x4xf32>, %l: tensor<1x8x2xf32>) {
  // expected-error @+1 {{(C1) expected an output of type 'tensor<1x8x2x4xf32>' and a log-sum-exp [batch, heads, positions] of f32}}
  %d:3 = stc.attention_grad %q, %q, %q, %q, %l, %q scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2xf32>,
        tensor<1x8x2x4xf32>
      -> tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>
  return
}

// -----

func.func @attention_grad_c2(%q: tensor<1x8x2x4xf32>, %l: tensor<1x2x8xf32>) {
  // expected-error @+1 {{(C2) expected the gradients to have the types of query, key and value}}
  %d:3 = stc.attention_grad %q, %q, %q, %q, %l, %q scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x2x8xf32>,
        tensor<1x8x2x4xf32>
      -> tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x4x2xf32>
  return
}

// -----

func.func @chunk_c1(%q: tensor<1x8x2x4xf32>, %k: tensor<1x16x4x4xf32>, %r: tensor<i32>) {
  // expected-error @+1 {{(C1) expected a multiple of the 4 heads of keys as heads of queries, found 2}}
  %o, %l = stc.attention_chunk %q, %k, %k chunk %r of 2 block 8 keys <1, 0, 1> scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x16x4x4xf32>, tensor<1x16x4x4xf32> -> tensor<1x8x2x4xf32>, tensor<1x2x8xf32>
  return
}

// -----

func.func @chunk_c2(%q: tensor<1x8x2x4xf32>, %k: tensor<1x16x2x4xf32>, %l0: tensor<1x2x16xf32>, %r: tensor<i32>) {
  // expected-error @+1 {{(C2) expected to go on from values of the types of the results}}
  %o, %l = stc.attention_chunk %q, %k, %k chunk %r of 2 block 8 keys <1, 0, 1> from %q, %l0 scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x16x2x4xf32>, tensor<1x16x2x4xf32> from tensor<1x8x2x4xf32>, tensor<1x2x16xf32>
      -> tensor<1x8x2x4xf32>, tensor<1x2x8xf32>
  return
}

// -----

func.func @chunk_c3_block(%q: tensor<1x8x2x4xf32>, %k: tensor<1x16x2x4xf32>, %r: tensor<i32>) {
  // expected-error @+1 {{(C3) expected at least one chunk of whole blocks, and as many keys as #stc.positions<1, 0, 1> are in all chunks, found 2 of 8 queries in blocks of 3 and 16 keys}}
  %o, %l = stc.attention_chunk %q, %k, %k chunk %r of 2 block 3 keys <1, 0, 1> scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x16x2x4xf32>, tensor<1x16x2x4xf32> -> tensor<1x8x2x4xf32>, tensor<1x2x8xf32>
  return
}

// -----

func.func @chunk_grad_c3(%q: tensor<1x8x2x4xf32>, %k: tensor<1x16x2x4xf32>, %l: tensor<1x2x8xf32>, %r: tensor<i32>) {
  // expected-error @+1 {{(C3) expected at least one chunk of whole blocks, and as many keys as #stc.positions<8, 6, 2> are in all chunks, found 2 of 8 queries in blocks of 8 and 16 keys}}
  %d:3 = stc.attention_chunk_grad %q, %k, %k, %q, %l, %q chunk %r of 2 block 8 keys <8, 6, 2> scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x16x2x4xf32>, tensor<1x16x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x2x8xf32>, tensor<1x8x2x4xf32>
      -> tensor<1x8x2x4xf32>, tensor<1x16x2x4xf32>, tensor<1x16x2x4xf32>
  return
}

// -----

func.func @chunk_grad_c2(%q: tensor<1x8x2x4xf32>, %k: tensor<1x16x2x4xf32>, %l: tensor<1x2x8xf32>, %r: tensor<i32>) {
  // expected-error @+1 {{(C2) expected the gradients to have the types of query, key and value}}
  %d:3 = stc.attention_chunk_grad %q, %k, %k, %q, %l, %q chunk %r of 2 block 8 keys <1, 0, 1> scale 0.5 pattern <"dense">
      : tensor<1x8x2x4xf32>, tensor<1x16x2x4xf32>, tensor<1x16x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x2x8xf32>, tensor<1x8x2x4xf32>
      -> tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x16x2x4xf32>
  return
}

// -----

// expected-error @+1 {{expected a width of at least 1 from a first position on, inside of a period, found <8, 6, 3>}}
func.func private @positions() attributes {positions = #stc.positions<8, 6, 3>}

// -----

func.func @attention_row_c1(%q: tensor<1x2x2x4xf32>, %k: tensor<1x8x2x4xf32>, %p: tensor<i32>) {
  // expected-error @+1 {{(C1) expected a query of shape [1, 1, 2, 4] to match the key, found [1, 2, 2, 4]}}
  %o = stc.attention_row %q, %k, %k at %p scale 0.5 pattern <"dense">
      : tensor<1x2x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32> -> tensor<1x2x2x4xf32>
  return
}

// -----

// Keys, values and output may be narrower than the query, not wider.
func.func @attention_row_c1_elements(%q: tensor<1x1x2x4xbf16>, %k: tensor<1x8x2x4xf32>, %p: tensor<i32>) {
  // expected-error @+1 {{(C1) expected equal element types}}
  %o = stc.attention_row %q, %k, %k at %p scale 0.5 pattern <"dense">
      : tensor<1x1x2x4xbf16>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32> -> tensor<1x1x2x4xbf16>
  return
}

// -----

func.func @attention_row_c2_elements(%q: tensor<1x1x2x4xbf16>, %k: tensor<1x8x2x4xbf16>, %p: tensor<i32>) {
  // expected-error @+1 {{(C2) expected equal element types}}
  %o = stc.attention_row %q, %k, %k at %p scale 0.5 pattern <"dense">
      : tensor<1x1x2x4xbf16>, tensor<1x8x2x4xbf16>, tensor<1x8x2x4xbf16> -> tensor<1x1x2x4xf32>
  return
}

// -----

func.func @attention_row_c2(%q: tensor<1x1x2x4xf32>, %k: tensor<1x8x2x4xf32>, %p: tensor<i32>) {
  // expected-error @+1 {{(C2) expected an output of shape [1, 1, 2, 4], found [1, 8, 2, 4]}}
  %o = stc.attention_row %q, %k, %k at %p scale 0.5 pattern <"dense">
      : tensor<1x1x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32> -> tensor<1x8x2x4xf32>
  return
}

// -----

// Gradient and fusion

func.func @gradient_c1(%l: tensor<f32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{(C1) expected the gradients to have the types of the values differentiated by}}
  %g = stc.gradient %l wrt %w : (tensor<f32>) wrt (tensor<8xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @gradient_c2(%y: tensor<8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{(C2) expected a seed for each value, or one scalar value without a seed}}
  %g = stc.gradient %y wrt %w : (tensor<8xf32>) wrt (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @gradient_c2_seed(%y: tensor<8xf32>, %dy: tensor<4xf32>) {
  // expected-error @+1 {{(C2) expected a seed for each value, or one scalar value without a seed}}
  %g = stc.gradient %y seed %dy wrt %y : (tensor<8xf32>) seed (tensor<4xf32>) wrt (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @gradient_c3(%l: tensor<f32>) {
  // expected-error @+1 {{(C3) expected at least one value to differentiate and one to differentiate by}}
  "stc.gradient"(%l) <{operandSegmentSizes = array<i32: 1, 0, 0>}> : (tensor<f32>) -> ()
  return
}

// -----

func.func @fused_c1(%x: tensor<8x8xf32>) {
  // expected-error @+1 {{(C1) expected equal types outside and inside the region}}
  %s = stc.fused space [8, 8] (%a = %x : tensor<8x8xf32>) -> (tensor<8xf32>) {
    stc.yield %a : tensor<8x8xf32>
  }
  return
}

// -----

func.func @fused_c1_end(%x: tensor<8x8xf32>) {
  // expected-error @+1 {{(C1) expected the region to end in stc.yield}}
  stc.fused space [8, 8] (%a = %x : tensor<8x8xf32>) -> () {
    %b = arith.negf %a : tensor<8x8xf32>
  }
  return
}

// -----

func.func @fused_c2(%x: tensor<8x8xf32>) {
  %s = stc.fused space [8, 8] (%a = %x : tensor<8x8xf32>) -> (tensor<8x8xf32>) {
    // expected-error @+1 {{'stc.matmul' op (C2) is not elementwise, a broadcast, a reduction, iota or random}}
    %y = stc.matmul %a, %a : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    stc.yield %y : tensor<8x8xf32>
  }
  return
}

// -----

func.func @fused_product_c1(%x: tensor<8x8xbf16>) {
  // expected-error @+1 {{(C1) expected equal types outside and inside the region}}
  %s = stc.fused_product (%a = %x : tensor<8x8xbf16>) -> (tensor<8xbf16>) {
    %p = stc.matmul %a, %a transpose_rhs : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
    %y = stc.fused space [8, 8] (%e = %p : tensor<8x8xbf16>) -> (tensor<8x8xbf16>) {
      stc.yield %e : tensor<8x8xbf16>
    }
    stc.yield %y : tensor<8x8xbf16>
  }
  return
}

// -----

func.func @fused_product_c2(%x: tensor<8x8xbf16>) {
  // expected-error @+1 {{(C2) expected stc.fused and arith.truncf of its operands or not, stc.matmul, and stc.fused of its product whose results are yielded}}
  %s = stc.fused_product (%a = %x : tensor<8x8xbf16>) -> (tensor<8x8xbf16>) {
    %p = stc.matmul %a, %a transpose_rhs : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
    stc.yield %p : tensor<8x8xbf16>
  }
  return
}

// -----

func.func @fused_product_c2_order(%x: tensor<8x8xf32>, %w: tensor<8x8xbf16>) {
  // expected-error @+1 {{(C2) expected stc.fused and arith.truncf of its operands or not, stc.matmul}}
  %s = stc.fused_product (%a = %x : tensor<8x8xf32>, %b = %w : tensor<8x8xbf16>) -> (tensor<8x8xbf16>) {
    %n = arith.truncf %a : tensor<8x8xf32> to tensor<8x8xbf16>
    %p = stc.matmul %n, %b transpose_rhs : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
    %y = stc.fused space [8, 8] (%e = %p : tensor<8x8xbf16>) -> (tensor<8x8xbf16>) {
      stc.yield %e : tensor<8x8xbf16>
    }
    stc.yield %y : tensor<8x8xbf16>
  }
  return
}

// -----

func.func @fused_product_c3(%x: tensor<8x8xbf16>) {
  %s = stc.fused_product (%a = %x : tensor<8x8xbf16>) -> (tensor<8x8xbf16>) {
    // expected-error @+1 {{(C3) expected a product of f16 or bf16 with a transposed rhs of rank 2, found 'tensor<8x8xbf16>' and 'tensor<8x8xbf16>'}}
    %p = stc.matmul %a, %a : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
    %y = stc.fused space [8, 8] (%e = %p : tensor<8x8xbf16>) -> (tensor<8x8xbf16>) {
      stc.yield %e : tensor<8x8xbf16>
    }
    stc.yield %y : tensor<8x8xbf16>
  }
  return
}

// -----

func.func @fused_product_c4(%x: tensor<8x8xbf16>) {
  // expected-error @+1 {{(C4) expected arguments as the operands of the product}}
  %s = stc.fused_product (%a = %x : tensor<8x8xbf16>) -> (tensor<8x8xbf16>) {
    %n = stc.fused space [8, 8] (%e = %a : tensor<8x8xbf16>) -> (tensor<8x8xbf16>) {
      stc.yield %e : tensor<8x8xbf16>
    }
    %p = stc.matmul %n, %n transpose_rhs : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
    %y = stc.fused space [8, 8] (%e = %p : tensor<8x8xbf16>) -> (tensor<8x8xbf16>) {
      stc.yield %e : tensor<8x8xbf16>
    }
    stc.yield %y : tensor<8x8xbf16>
  }
  return
}

// -----

func.func @fused_product_c5(%x: tensor<8x8xbf16>) {
  %s = stc.fused_product (%a = %x : tensor<8x8xbf16>) -> (tensor<8xf32>) {
    %p = stc.matmul %a, %a transpose_rhs : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
    // expected-error @+1 {{(C5) expected the space [8, 8], and no reduction}}
    %y = stc.fused space [8, 8] (%e = %p : tensor<8x8xbf16>) -> (tensor<8xf32>) {
      %w = arith.extf %e : tensor<8x8xbf16> to tensor<8x8xf32>
      %t = stc.reduce sum %w dims [1] : tensor<8x8xf32> to tensor<8xf32>
      stc.yield %t : tensor<8xf32>
    }
    stc.yield %y : tensor<8xf32>
  }
  return
}

// -----

// Collectives

func.func @axis_name() {
  // expected-error @+1 {{'stc.rank' op (C1) expected an axis with a name and at least one device, found "" of 4}}
  %r = stc.rank over "" of 4 : tensor<i32>
  return
}

// -----

func.func @axis_count(%x: tensor<8xf32>) {
  // expected-error @+1 {{'stc.all_reduce' op (C1) expected an axis with a name and at least one device, found "data" of 0}}
  %y = stc.all_reduce sum %x over "data" of 0 : tensor<8xf32>
  return
}

// -----

func.func @random_part(%seed: tensor<i64>, %rank: tensor<i32>) {
  // expected-error @+1 {{'stc.random' op (C2) expected a positive count and runs of which a part of 128 elements has whole ones, found 4 and runs of 96}}
  %p = stc.random uniform seed %seed step %seed stream 7 part %rank of [4] runs [96] : tensor<2x64xf32>
  return
}

// -----

func.func @random_parts(%seed: tensor<i64>, %rank: tensor<i32>) {
  // expected-error @+1 {{'stc.random' op (C2) expected a count and a run for each of 1 parts, found 1 and 2}}
  %p = stc.random uniform seed %seed step %seed stream 7 part %rank of [4] runs [64, 128] : tensor<2x64xf32>
  return
}

// -----

func.func @all_to_all_size(%x: tensor<6xf32>) {
  // expected-error @+1 {{'stc.all_to_all' op (C2) expected a size that 4 devices divide as dimension 0, found 6}}
  %y = stc.all_to_all %x dim 0 over "data" of 4 : tensor<6xf32>
  return
}

// -----

func.func @slice_dim(%x: tensor<8xf32>) {
  // expected-error @+1 {{'stc.all_slice' op (C2) expected a dimension in [0, 1), found 1}}
  %y = stc.all_slice %x dim 1 over "data" of 4 : tensor<8xf32> to tensor<2xf32>
  return
}

// -----

func.func @slice_size(%x: tensor<6xf32>) {
  // expected-error @+1 {{'stc.all_slice' op (C2) expected a size that 4 devices divide as dimension 0, found 6}}
  %y = stc.all_slice %x dim 0 over "data" of 4 : tensor<6xf32> to tensor<1xf32>
  return
}

// -----

func.func @gather_shape(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'stc.all_gather' op (C2) expected a part of shape [2, 4], found [2, 3]}}
  %y = stc.all_gather %x dim 0 over "data" of 4 : tensor<2x3xf32> to tensor<8x4xf32>
  return
}

// -----

func.func @scatter_elements(%x: tensor<8xf32>) {
  // expected-error @+1 {{'stc.reduce_scatter' op (C3) expected equal element types, found 'f32' and 'f64'}}
  %y = stc.reduce_scatter %x dim 0 over "data" of 4 : tensor<8xf32> to tensor<2xf64>
  return
}

// The examples of the ops' descriptions: each parses, prints and parses again.
// RUN: stc-opt %s | FileCheck %s
// RUN: stc-opt %s --emit-bytecode | stc-opt | FileCheck %s
// RUN: %check-examples %stc_root/dialects/Stc/StcOps.td %s
// RUN: %check-examples %stc_root/dialects/Stc/Stc.td %s
// RUN: %check-examples %stc_root/dialects/Stc/StcCollectives.td %s

// CHECK: stc.variable parameter @ln_f.weight : tensor<512xf32>
stc.variable parameter @"ln_f.weight" : tensor<512xf32>
stc.variable optimizer @moment : tensor<512xf32>
stc.variable counter @step : tensor<i64>
stc.variable scratch @cache : tensor<1x8xbf16>

// CHECK-LABEL: func.func @variables
func.func @variables() {
  // CHECK: %[[W:.*]] = stc.read @ln_f.weight : tensor<512xf32>
  %w = stc.read @"ln_f.weight" : tensor<512xf32>
  // CHECK: stc.write @ln_f.weight, %[[W]] : tensor<512xf32>
  stc.write @"ln_f.weight", %w : tensor<512xf32>
  return
}

// CHECK-LABEL: func.func @shapes
func.func @shapes(%bias: tensor<64xf32>, %qkv: tensor<8x192xf32>) {
  // CHECK: stc.broadcast %{{.*}} dims [1] : tensor<64xf32> to tensor<128x64xf32>
  %y = stc.broadcast %bias dims [1] : tensor<64xf32> to tensor<128x64xf32>
  // CHECK: stc.broadcast %{{.*}} dims [] : tensor<f32> to tensor<2x2xf32>
  %scalar = stc.reduce max %bias dims [0] : tensor<64xf32> to tensor<f32>
  %all = stc.broadcast %scalar dims [] : tensor<f32> to tensor<2x2xf32>
  // CHECK: %{{.*}}:3 = stc.split %{{.*}} : tensor<8x192xf32> to tensor<8x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>
  %q, %k, %v = stc.split %qkv : tensor<8x192xf32> to tensor<8x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>
  return
}

// CHECK-LABEL: func.func @reduce
func.func @reduce(%x: tensor<128x64xf32>) {
  // CHECK: stc.reduce sum %{{.*}} dims [1] : tensor<128x64xf32> to tensor<128xf32>
  %s = stc.reduce sum %x dims [1] : tensor<128x64xf32> to tensor<128xf32>
  // CHECK: stc.reduce max %{{.*}} dims [0, 1] : tensor<128x64xf32> to tensor<f32>
  %m = stc.reduce max %x dims [0, 1] : tensor<128x64xf32> to tensor<f32>
  return
}

// CHECK-LABEL: func.func @reshape
func.func @reshape(%x: tensor<2x128x64xf32>) {
  // CHECK: stc.reshape %{{.*}} : tensor<2x128x64xf32> to tensor<256x64xf32>
  %y = stc.reshape %x : tensor<2x128x64xf32> to tensor<256x64xf32>
  return
}

// CHECK-LABEL: func.func @concat
func.func @concat(%a: tensor<8x64xf32>, %b: tensor<8x32xf32>) {
  // CHECK: stc.concat %{{.*}}, %{{.*}} : tensor<8x64xf32>, tensor<8x32xf32> to tensor<8x96xf32>
  %y = stc.concat %a, %b : tensor<8x64xf32>, tensor<8x32xf32> to tensor<8x96xf32>
  return
}

// CHECK-LABEL: func.func @pin
func.func @pin(%y: tensor<4xf32>) {
  // CHECK: stc.pin %{{.*}} distinct[0]<> : tensor<4xf32>
  %p = stc.pin %y distinct[0]<> : tensor<4xf32>
  return
}

// CHECK-LABEL: func.func @stop
func.func @stop(%x: tensor<8x64xf32>) {
  // CHECK: stc.stop_gradient %{{.*}} : tensor<8x64xf32>
  %c = stc.stop_gradient %x : tensor<8x64xf32>
  return
}

// CHECK-LABEL: func.func @sources
func.func @sources(%seed: tensor<i64>, %step: tensor<i64>, %rank: tensor<i32>) {
  // CHECK: stc.iota 1 : tensor<8x256xi32>
  %i = stc.iota 1 : tensor<8x256xi32>
  // CHECK: stc.random uniform seed %{{.*}} step %{{.*}} stream 7 : tensor<8x64xf32>
  // CHECK: stc.random uniform seed %{{.*}} step %{{.*}} stream 7 part %{{.*}} of [4] runs [128] : tensor<2x64xf32>
  %u = stc.random uniform seed %seed step %step stream 7 : tensor<8x64xf32>
  %p = stc.random uniform seed %seed step %step stream 7 part %rank of [4] runs [128] : tensor<2x64xf32>
  // CHECK: stc.random normal seed %{{.*}} step %{{.*}} stream 8 : tensor<f32>
  %n = stc.random normal seed %seed step %step stream 8 : tensor<f32>
  return
}

// CHECK-LABEL: func.func @products
func.func @products(%x: tensor<1x128x64xf32>, %w: tensor<256x64xf32>, %b: tensor<3x4x5xbf16>,
                    %c: tensor<3x4x6xbf16>) {
  // CHECK: stc.matmul %{{.*}}, %{{.*}} transpose_rhs : tensor<1x128x64xf32>, tensor<256x64xf32> -> tensor<1x128x256xf32>
  %y = stc.matmul %x, %w transpose_rhs : tensor<1x128x64xf32>, tensor<256x64xf32> -> tensor<1x128x256xf32>
  // CHECK: stc.matmul %{{.*}}, %{{.*}} transpose_lhs : tensor<3x4x5xbf16>, tensor<3x4x6xbf16> -> tensor<3x5x6xbf16>
  %d = stc.matmul %b, %c transpose_lhs : tensor<3x4x5xbf16>, tensor<3x4x6xbf16> -> tensor<3x5x6xbf16>
  return
}

// CHECK-LABEL: func.func @tables
func.func @tables(%table: tensor<257x64xf32>, %tokens: tensor<1x128xi32>, %g: tensor<1x128x64xf32>,
                  %row: tensor<2x1x8x64xf32>, %cache: tensor<2x128x8x64xf32>, %p: tensor<i32>) {
  // CHECK: stc.gather %{{.*}}, %{{.*}} : tensor<257x64xf32>, tensor<1x128xi32> -> tensor<1x128x64xf32>
  %e = stc.gather %table, %tokens : tensor<257x64xf32>, tensor<1x128xi32> -> tensor<1x128x64xf32>
  // CHECK: stc.scatter_add %{{.*}}, %{{.*}} : tensor<1x128x64xf32>, tensor<1x128xi32> -> tensor<257x64xf32>
  %t = stc.scatter_add %g, %tokens : tensor<1x128x64xf32>, tensor<1x128xi32> -> tensor<257x64xf32>
  // CHECK: stc.insert_row %{{.*}} into %{{.*}} at %{{.*}} : tensor<2x1x8x64xf32> into tensor<2x128x8x64xf32>
  %c = stc.insert_row %row into %cache at %p : tensor<2x1x8x64xf32> into tensor<2x128x8x64xf32>
  return
}

// CHECK-LABEL: func.func @unfused
func.func @unfused(%q: tensor<1x64x2x16xf32>, %k: tensor<1x64x2x16xf32>, %v: tensor<1x64x2x16xf32>) {
  // CHECK: stc.scores %{{.*}}, %{{.*}} : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  %s = stc.scores %q, %k : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
      -> tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  // CHECK: stc.softmax %{{.*}} : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  %p = stc.softmax %s : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  // CHECK: stc.aggregate %{{.*}}, %{{.*}} : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>, tensor<1x64x2x16xf32> -> tensor<1x64x2x16xf32>
  %o = stc.aggregate %p, %v : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>, tensor<1x64x2x16xf32>
      -> tensor<1x64x2x16xf32>
  // CHECK: stc.aggregate %{{.*}}, %{{.*}} transpose : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>, tensor<1x64x2x16xf32> -> tensor<1x64x2x16xf32>
  %t = stc.aggregate %p, %v transpose : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>, tensor<1x64x2x16xf32> -> tensor<1x64x2x16xf32>
  %g = stc.scores %q, %v : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
      -> tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  // CHECK: stc.softmax_grad %{{.*}}, %{{.*}} : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  %d = stc.softmax_grad %p, %g : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  // CHECK: stc.stop_gradient %{{.*}} : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  %c = stc.stop_gradient %p : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
  return
}

// CHECK-LABEL: func.func @fused_attention
func.func @fused_attention(%q: tensor<1x64x2x16xf32>, %k: tensor<1x64x2x16xf32>, %v: tensor<1x64x2x16xf32>,
                           %do: tensor<1x64x2x16xf32>) {
  // CHECK: %[[O:.*]], %[[LSE:.*]] = stc.attention %{{.*}}, %{{.*}}, %{{.*}} scale 2.500000e-01 pattern <"fixed(8, 2)">
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"fixed(8, 2)">
      : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
      -> tensor<1x64x2x16xf32>, tensor<1x2x64xf32>
  // CHECK: stc.attention_grad %{{.*}}, %{{.*}}, %{{.*}}, %[[O]], %[[LSE]], %{{.*}} scale 2.500000e-01 pattern <"fixed(8, 2)">
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.25 pattern <"fixed(8, 2)">
      : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>,
        tensor<1x2x64xf32>, tensor<1x64x2x16xf32>
      -> tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
  return
}

// CHECK-LABEL: func.func @chunk
func.func @chunk(%q: tensor<1x16x2x16xf32>, %k: tensor<1x16x2x16xf32>, %v: tensor<1x16x2x16xf32>, %o0: tensor<1x16x2x16xf32>,
                 %lse0: tensor<1x2x16xf32>, %do: tensor<1x16x2x16xf32>, %r: tensor<i32>) {
  // CHECK: %[[O:.*]], %[[LSE:.*]] = stc.attention_chunk %{{.*}}, %{{.*}}, %{{.*}} chunk %{{.*}} of 4 block 16 keys <8, 6, 2> from %{{.*}}, %{{.*}} scale 2.500000e-01 pattern <"summary(8, 2)">
  %o, %lse = stc.attention_chunk %q, %k, %v chunk %r of 4 block 16 keys <8, 6, 2> from %o0, %lse0 scale 0.25 pattern <"summary(8, 2)">
      : tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32> from tensor<1x16x2x16xf32>, tensor<1x2x16xf32>
      -> tensor<1x16x2x16xf32>, tensor<1x2x16xf32>
  // CHECK: stc.attention_chunk %{{.*}}, %{{.*}}, %{{.*}} chunk %{{.*}} of 1 block 16 keys <1, 0, 1> scale 2.500000e-01 pattern <"dense">
  %p, %lse1 = stc.attention_chunk %q, %k, %k chunk %r of 1 block 16 keys <1, 0, 1> scale 0.25 pattern <"dense">
      : tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32> -> tensor<1x16x2x16xf32>, tensor<1x2x16xf32>
  // CHECK: stc.attention_chunk_grad %{{.*}}, %{{.*}}, %{{.*}}, %[[O]], %[[LSE]], %{{.*}} chunk %{{.*}} of 4 block 8 keys <8, 6, 2> scale 2.500000e-01 pattern <"summary(8, 2)">
  %dq, %dk, %dv = stc.attention_chunk_grad %q, %k, %v, %o, %lse, %do chunk %r of 4 block 8 keys <8, 6, 2> scale 0.25 pattern <"summary(8, 2)">
      : tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>,
        tensor<1x2x16xf32>, tensor<1x16x2x16xf32>
      -> tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>
  return
}

// CHECK-LABEL: func.func @grouped_heads
func.func @grouped_heads(%q: tensor<1x8x64x16xf32>, %k: tensor<1x2x64x16xf32>, %v: tensor<1x2x64x16xf32>,
                         %r: tensor<1x8x1x16xf32>, %p: tensor<i32>) {
  // CHECK: %[[O:.*]], %[[LSE:.*]] = stc.attention %{{.*}} scale 2.500000e-01 pattern <"fixed(8, 2)"> layout head_major : tensor<1x8x64x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32> -> tensor<1x8x64x16xf32>, tensor<1x8x64xf32>
  %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"fixed(8, 2)"> layout head_major
      : tensor<1x8x64x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32>
      -> tensor<1x8x64x16xf32>, tensor<1x8x64xf32>
  // CHECK: stc.attention_grad {{.*}} pattern <"fixed(8, 2)"> layout head_major : {{.*}} -> tensor<1x8x64x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32>
  %d:3 = stc.attention_grad %q, %k, %v, %o, %lse, %o scale 0.25 pattern <"fixed(8, 2)"> layout head_major
      : tensor<1x8x64x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32>, tensor<1x8x64x16xf32>,
        tensor<1x8x64xf32>, tensor<1x8x64x16xf32>
      -> tensor<1x8x64x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32>
  // CHECK: stc.attention_row {{.*}} pattern <"fixed(8, 2)"> layout head_major : tensor<1x8x1x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32> -> tensor<1x8x1x16xf32>
  %row = stc.attention_row %r, %k, %v at %p scale 0.25 pattern <"fixed(8, 2)"> layout head_major
      : tensor<1x8x1x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32> -> tensor<1x8x1x16xf32>
  // CHECK: stc.scores %{{.*}}, %{{.*}} layout head_major : tensor<1x8x64x16xf32>, tensor<1x2x64x16xf32> -> tensor<1x8x64x64xf32, #stc.pattern<"dense">>
  %s = stc.scores %q, %k layout head_major : tensor<1x8x64x16xf32>, tensor<1x2x64x16xf32>
      -> tensor<1x8x64x64xf32, #stc.pattern<"dense">>
  // CHECK: stc.aggregate %{{.*}}, %{{.*}} layout head_major : {{.*}}, tensor<1x2x64x16xf32> -> tensor<1x8x64x16xf32>
  %a = stc.aggregate %s, %v layout head_major : tensor<1x8x64x64xf32, #stc.pattern<"dense">>, tensor<1x2x64x16xf32>
      -> tensor<1x8x64x16xf32>
  // CHECK: stc.aggregate %{{.*}}, %{{.*}} transpose layout head_major : {{.*}}, tensor<1x8x64x16xf32> -> tensor<1x2x64x16xf32>
  %t = stc.aggregate %s, %q transpose layout head_major
      : tensor<1x8x64x64xf32, #stc.pattern<"dense">>, tensor<1x8x64x16xf32> -> tensor<1x2x64x16xf32>
  return
}

// CHECK-LABEL: func.func @attention_row
func.func @attention_row(%q: tensor<1x1x2x16xf32>, %keys: tensor<1x64x2x16xf32>, %values: tensor<1x64x2x16xf32>,
                         %p: tensor<i32>) {
  // CHECK: stc.attention_row %{{.*}}, %{{.*}}, %{{.*}} at %{{.*}} scale 2.500000e-01 pattern <"fixed(8, 2)">
  %o = stc.attention_row %q, %keys, %values at %p scale 0.25 pattern <"fixed(8, 2)">
      : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x1x2x16xf32>
  // CHECK: stc.attention_row {{.*}} tensor<1x64x2x16xf32> -> tensor<1x1x2x16xbf16>
  %narrow = stc.attention_row %q, %keys, %values at %p scale 0.25 pattern <"fixed(8, 2)">
      : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x1x2x16xbf16>
  return
}

// CHECK-LABEL: func.func @gradient
func.func @gradient(%loss: tensor<f32>, %w: tensor<64x64xf32>, %y: tensor<8xf32>, %dy: tensor<8xf32>) {
  // CHECK: stc.gradient %{{.*}} wrt %{{.*}} : (tensor<f32>) wrt(tensor<64x64xf32>) -> tensor<64x64xf32>
  %dw = stc.gradient %loss wrt %w : (tensor<f32>) wrt (tensor<64x64xf32>) -> tensor<64x64xf32>
  // CHECK: stc.gradient %{{.*}}, %{{.*}} seed %{{.*}}, %{{.*}} wrt %{{.*}}, %{{.*}} : (tensor<8xf32>, tensor<f32>) seed(tensor<8xf32>, tensor<f32>) wrt(tensor<64x64xf32>, tensor<8xf32>) -> tensor<64x64xf32>, tensor<8xf32>
  %more:2 = stc.gradient %y, %loss seed %dy, %loss wrt %w, %y
      : (tensor<8xf32>, tensor<f32>) seed (tensor<8xf32>, tensor<f32>) wrt (tensor<64x64xf32>, tensor<8xf32>)
      -> tensor<64x64xf32>, tensor<8xf32>
  return
}

// CHECK-LABEL: func.func @fused
func.func @fused(%x: tensor<8x64xf32>) {
  // CHECK: %{{.*}} = stc.fused space [8, 64] (%[[A:.*]] = %{{.*}} : tensor<8x64xf32>) -> (tensor<8xf32>) {
  // CHECK-NEXT: %[[SQUARE:.*]] = arith.mulf %[[A]], %[[A]] : tensor<8x64xf32>
  // CHECK-NEXT: %[[SUM:.*]] = stc.reduce sum %[[SQUARE]] dims [1] : tensor<8x64xf32> to tensor<8xf32>
  // CHECK-NEXT: stc.yield %[[SUM]] : tensor<8xf32>
  // CHECK-NEXT: }
  %s = stc.fused space [8, 64] (%a = %x : tensor<8x64xf32>) -> (tensor<8xf32>) {
    %square = arith.mulf %a, %a : tensor<8x64xf32>
    %sum = stc.reduce sum %square dims [1] : tensor<8x64xf32> to tensor<8xf32>
    stc.yield %sum : tensor<8xf32>
  }
  return
}

// CHECK-LABEL: func.func @fused_product
func.func @fused_product(%x: tensor<8x64xf32>, %w: tensor<32x64xf32>, %bias: tensor<32xf32>) {
  // CHECK: %{{.*}} = stc.fused_product (%[[A:.*]] = %{{.*}} : tensor<8x64xf32>, %[[B:.*]] = %{{.*}} : tensor<32x64xf32>, %[[C:.*]] = %{{.*}} : tensor<32xf32>) -> (tensor<8x32xf32>) {
  // CHECK-NEXT: stc.fused space [8, 64] (%{{.*}} = %[[A]] : tensor<8x64xf32>) -> (tensor<8x64xbf16>) {
  // CHECK: %[[RHS:.*]] = arith.truncf %[[B]]
  // CHECK-NEXT: %[[P:.*]] = stc.matmul %{{.*}}, %[[RHS]] transpose_rhs
  // CHECK-NEXT: %[[Y:.*]] = stc.fused space [8, 32] (%{{.*}} = %[[P]] : tensor<8x32xbf16>, %{{.*}} = %[[C]] : tensor<32xf32>) -> (tensor<8x32xf32>) {
  // CHECK: stc.yield %[[Y]] : tensor<8x32xf32>
  %y = stc.fused_product (%a = %x : tensor<8x64xf32>, %b = %w : tensor<32x64xf32>, %c = %bias : tensor<32xf32>) -> (tensor<8x32xf32>) {
    %lhs = stc.fused space [8, 64] (%d = %a : tensor<8x64xf32>) -> (tensor<8x64xbf16>) {
      %narrow = arith.truncf %d : tensor<8x64xf32> to tensor<8x64xbf16>
      stc.yield %narrow : tensor<8x64xbf16>
    }
    %rhs = arith.truncf %b : tensor<32x64xf32> to tensor<32x64xbf16>
    %product = stc.matmul %lhs, %rhs transpose_rhs : tensor<8x64xbf16>, tensor<32x64xbf16> -> tensor<8x32xbf16>
    %result = stc.fused space [8, 32] (%d = %product : tensor<8x32xbf16>, %e = %c : tensor<32xf32>) -> (tensor<8x32xf32>) {
      %wide = arith.extf %d : tensor<8x32xbf16> to tensor<8x32xf32>
      %biases = stc.broadcast %e dims [1] : tensor<32xf32> to tensor<8x32xf32>
      %sum = arith.addf %wide, %biases : tensor<8x32xf32>
      stc.yield %sum : tensor<8x32xf32>
    }
    stc.yield %result : tensor<8x32xf32>
  }
  return
}

// CHECK-LABEL: func.func @patterns
// CHECK-SAME: #stc.pattern<"fixed(128, 32)">
// CHECK-SAME: #stc.pattern<"local(128)", "stride(128)">
// CHECK-SAME: #stc.pattern<"{ [i] -> [j] : 0 <= i - j <= 64 and (i - j) mod 4 = 0 }">
func.func @patterns() attributes {stc.patterns = [
    #stc.pattern<"fixed(128, 32)">
    , #stc.pattern<"local(128)", "stride(128)">
    , #stc.pattern<"{ [i] -> [j] : 0 <= i - j <= 64 and (i - j) mod 4 = 0 }">
  ]} {
  return
}

// CHECK-LABEL: func.func @collectives
func.func @collectives(%x: tensor<64xf32>) {
  // CHECK: stc.rank over "data" of 4 : tensor<i32>
  %r = stc.rank over "data" of 4 : tensor<i32>
  // CHECK: stc.all_reduce sum %{{.*}} over "data" of 4 : tensor<64xf32>
  %y = stc.all_reduce sum %x over "data" of 4 : tensor<64xf32>
  // CHECK: stc.all_reduce max
  %z = stc.all_reduce max %x over "context" of 2 : tensor<64xf32>
  return
}
func.func @all_slice(%x: tensor<8x64xf32>) {
  // CHECK: stc.all_slice %{{.*}} dim 0 over "data" of 4 : tensor<8x64xf32> to tensor<2x64xf32>
  %y = stc.all_slice %x dim 0 over "data" of 4 : tensor<8x64xf32> to tensor<2x64xf32>
  return
}
func.func @all_gather(%x: tensor<2x64xf32>) {
  // CHECK: stc.all_gather %{{.*}} dim 0 over "data" of 4 : tensor<2x64xf32> to tensor<8x64xf32>
  %y = stc.all_gather %x dim 0 over "data" of 4 : tensor<2x64xf32> to tensor<8x64xf32>
  return
}
func.func @all_to_all(%x: tensor<4x64xf32>) {
  // CHECK: stc.all_to_all %{{.*}} dim 0 over "context" of 4 : tensor<4x64xf32>
  %y = stc.all_to_all %x dim 0 over "context" of 4 : tensor<4x64xf32>
  return
}

func.func @reduce_scatter(%x: tensor<8x64xf32>) {
  // CHECK: stc.reduce_scatter %{{.*}} dim 0 over "data" of 4 : tensor<8x64xf32> to tensor<2x64xf32>
  %y = stc.reduce_scatter %x dim 0 over "data" of 4 : tensor<8x64xf32> to tensor<2x64xf32>
  return
}

// An exchange that is asked for and cannot be is refused; of those that can be, the compiler takes one by itself.
// RUN: not stc-opt %s --stc-distribute="axis=context count=2 exchange=rows" 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not stc-opt %s --stc-distribute="axis=context count=2 exchange=heads" 2>&1 | FileCheck %s --check-prefix=HEADS
// RUN: stc-opt %s --stc-distribute="axis=context count=2" | FileCheck %s

// ROWS: error: 'stc.attention' op expected attention that exchanges rows over "context", as is asked for, found one that can only exchange heads: #stc.pattern<"strided(64)">
// CHECK-LABEL: func.func @residues
// CHECK: stc.all_to_all
func.func @residues(%q: tensor<1x1024x2x16xf32> {stc.dealt = {context = 1}}) -> (tensor<1x1024x2x16xf32> {stc.dealt = {context = 1}}) {
  %o, %l = stc.attention %q, %q, %q scale 0.25 pattern <"strided(64)">
      : tensor<1x1024x2x16xf32>, tensor<1x1024x2x16xf32>, tensor<1x1024x2x16xf32> -> tensor<1x1024x2x16xf32>, tensor<1x2x1024xf32>
  return %o : tensor<1x1024x2x16xf32>
}

// HEADS: error: 'stc.attention' op expected attention that exchanges heads over "context", as is asked for, found one that can only exchange rows: #stc.pattern<"block(4)">
// CHECK-LABEL: func.func @odd_heads
// CHECK-NOT: stc.all
func.func @odd_heads(%q: tensor<1x32x3x16xf32> {stc.dealt = {context = 1}}) -> (tensor<1x32x3x16xf32> {stc.dealt = {context = 1}}) {
  %o, %l = stc.attention %q, %q, %q scale 0.25 pattern <"block(4)">
      : tensor<1x32x3x16xf32>, tensor<1x32x3x16xf32>, tensor<1x32x3x16xf32> -> tensor<1x32x3x16xf32>, tensor<1x3x32xf32>
  return %o : tensor<1x32x3x16xf32>
}

// RUN: stc-opt %s --pass-pipeline='builtin.module(stc-narrow-caches{compute=bf16})' | FileCheck %s
// RUN: stc-opt %s --pass-pipeline='builtin.module(stc-narrow-caches{compute=f32})' | FileCheck %s --check-prefix=F32
// RUN: not stc-opt %s --pass-pipeline='builtin.module(stc-narrow-caches{compute=f8})' 2>&1 | FileCheck %s --check-prefix=ERROR

// F32-NOT: arith.truncf
// ERROR: error: expected the type of caches to be f32, bf16 or f16, found f8

// CHECK: stc.variable scratch @cache.key : tensor<1x64x2x16xbf16>
// CHECK: stc.variable scratch @cache.value : tensor<1x64x2x16xbf16>
// CHECK: stc.variable scratch @shown : tensor<1x64x2x16xf32>
// CHECK: stc.variable parameter @weight : tensor<1x64x2x16xf32>
stc.variable scratch @cache.key : tensor<1x64x2x16xf32>
stc.variable scratch @cache.value : tensor<1x64x2x16xf32>
stc.variable scratch @shown : tensor<1x64x2x16xf32>
stc.variable parameter @weight : tensor<1x64x2x16xf32>
stc.variable scratch @moved : tensor<1x64x2x16xf32>
stc.variable scratch @elsewhere : tensor<1x64x2x16xf32>
// CHECK: stc.variable scratch @half : tensor<1x64x2x16xf16>
stc.variable scratch @half : tensor<1x64x2x16xf16>

// CHECK-LABEL: func.func @step(
// CHECK-SAME: [[Q:%.*]]: tensor<1x1x2x16xf32>, [[KEYS:%.*]]: tensor<1x64x2x16xf32>, [[ROW:%.*]]: tensor<1x1x2x16xf32>, [[P:%.*]]: tensor<i32>)
// CHECK-NEXT: [[R:%.*]] = arith.truncf [[ROW]] : tensor<1x1x2x16xf32> to tensor<1x1x2x16xbf16>
// CHECK-NEXT: [[V:%.*]] = stc.read @cache.value : tensor<1x64x2x16xbf16>
// CHECK-NEXT: [[N:%.*]] = stc.insert_row [[R]] into [[V]] at [[P]] : tensor<1x1x2x16xbf16> into tensor<1x64x2x16xbf16>
// CHECK-NEXT: stc.attention_row [[Q]], [[KEYS]], [[N]] {{.*}} : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xbf16> -> tensor<1x1x2x16xf32>
// CHECK-NEXT: stc.write @cache.value, [[N]] : tensor<1x64x2x16xbf16>
func.func @step(%q: tensor<1x1x2x16xf32>, %k: tensor<1x64x2x16xf32>, %row: tensor<1x1x2x16xf32>, %p: tensor<i32>) -> tensor<1x1x2x16xf32> {
  %v = stc.read @cache.value : tensor<1x64x2x16xf32>
  %n = stc.insert_row %row into %v at %p : tensor<1x1x2x16xf32> into tensor<1x64x2x16xf32>
  %o = stc.attention_row %q, %k, %n at %p scale 0.25 pattern <"fixed(8, 2)"> : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x1x2x16xf32>
  stc.write @cache.value, %n : tensor<1x64x2x16xf32>
  return %o : tensor<1x1x2x16xf32>
}

// What a row is taken from is rounded where it is made, so that who makes it can do that.
// CHECK-LABEL: func.func @projected(
// CHECK: [[WIDE:%.*]] = arith.addf
// CHECK-NEXT: [[NARROW:%.*]] = arith.truncf [[WIDE]] : tensor<1x64xf32> to tensor<1x64xbf16>
// CHECK-NEXT: [[PARTS:%.*]]:2 = stc.split [[NARROW]]
// CHECK-NEXT: [[KEY:%.*]] = stc.reshape [[PARTS]]#0
// CHECK: stc.insert_row [[KEY]] into %{{.*}} : tensor<1x1x2x16xbf16> into tensor<1x64x2x16xbf16>
func.func @projected(%q: tensor<1x1x2x16xf32>, %x: tensor<1x64xf32>, %p: tensor<i32>) -> tensor<1x1x2x16xf32> {
  %y = arith.addf %x, %x : tensor<1x64xf32>
  %a, %b = stc.split %y : tensor<1x64xf32> to tensor<1x32xf32>, tensor<1x32xf32>
  %row = stc.reshape %a : tensor<1x32xf32> to tensor<1x1x2x16xf32>
  %k = stc.read @cache.key : tensor<1x64x2x16xf32>
  %n = stc.insert_row %row into %k at %p : tensor<1x1x2x16xf32> into tensor<1x64x2x16xf32>
  %o = stc.attention_row %q, %n, %n at %p scale 0.25 pattern <"fixed(8, 2)"> : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x1x2x16xf32>
  stc.write @cache.key, %n : tensor<1x64x2x16xf32>
  return %o : tensor<1x1x2x16xf32>
}

// CHECK-LABEL: func.func @prefill(
func.func @prefill(%v: tensor<1x64x2x16xf32>) {
  // CHECK: [[WRITTEN:%.*]] = arith.truncf %{{.*}} : tensor<1x64x2x16xf32> to tensor<1x64x2x16xbf16>
  // CHECK-NEXT: stc.write @cache.value, [[WRITTEN]]
  stc.write @cache.value, %v : tensor<1x64x2x16xf32>
  return
}

// Others read these, too, or they are no scratch.
// CHECK-LABEL: func.func @others(
// CHECK-NOT: truncf
func.func @others(%q: tensor<1x1x2x16xf32>, %row: tensor<1x1x2x16xf32>, %p: tensor<i32>) -> (tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>) {
  %k = stc.read @shown : tensor<1x64x2x16xf32>
  %m = stc.insert_row %row into %k at %p : tensor<1x1x2x16xf32> into tensor<1x64x2x16xf32>
  %v = stc.read @weight : tensor<1x64x2x16xf32>
  %n = stc.insert_row %row into %v at %p : tensor<1x1x2x16xf32> into tensor<1x64x2x16xf32>
  %o = stc.attention_row %q, %m, %n at %p scale 0.25 pattern <"fixed(8, 2)"> : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x1x2x16xf32>
  return %o, %m : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>
}

// What is kept goes to another variable, or is narrow as it is.
// CHECK-LABEL: func.func @from_one_to_another(
// CHECK-NOT: truncf
func.func @from_one_to_another(%q: tensor<1x1x2x16xf32>, %row: tensor<1x1x2x16xf32>, %narrow: tensor<1x1x2x16xf16>, %p: tensor<i32>) -> tensor<1x1x2x16xf32> {
  %k = stc.read @moved : tensor<1x64x2x16xf32>
  %m = stc.insert_row %row into %k at %p : tensor<1x1x2x16xf32> into tensor<1x64x2x16xf32>
  %v = stc.read @half : tensor<1x64x2x16xf16>
  %n = stc.insert_row %narrow into %v at %p : tensor<1x1x2x16xf16> into tensor<1x64x2x16xf16>
  %o = stc.attention_row %q, %m, %n at %p scale 0.25 pattern <"fixed(8, 2)"> : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf16> -> tensor<1x1x2x16xf32>
  stc.write @elsewhere, %m : tensor<1x64x2x16xf32>
  return %o : tensor<1x1x2x16xf32>
}

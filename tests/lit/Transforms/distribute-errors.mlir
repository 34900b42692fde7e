// RUN: stc-opt %s --split-input-file --stc-distribute="axis=data count=4" --verify-diagnostics
// RUN: not stc-opt %s --stc-distribute="count=4" 2>&1 | FileCheck %s
// RUN: not stc-opt %s --stc-distribute="axis=data count=4 scattered-type=f8" 2>&1 | FileCheck %s --check-prefix=TYPE
// TYPE: expected f32, bf16 or f16 as scattered-type, found "f8"
// CHECK: expected an axis with a name and at least one device, found "" of 4

// expected-error @+2 {{expected a size that 4 devices divide as dimension 0 of input 0, found 6}}
// expected-note @+1 {{the largest number of devices below 4 that divides it is 3}}
func.func @size(%x: tensor<6xf32> {stc.dealt = {data = 0}}) { return }

// -----

// expected-error @+1 {{expected a dimension of result 0, 'tensor<8xf32>', to deal over "data", found 1}}
func.func @dimension(%x: tensor<8xf32>) -> (tensor<8xf32> {stc.dealt = {data = 1}}) {
  return %x : tensor<8xf32>
}

// -----

// expected-error @+1 {{expected a tensor of static shape as input 0, found 'index'}}
func.func @index(%x: index {stc.dealt = {data = 0}}) { return }

// -----

stc.variable scratch @v : tensor<8xf32> {stc.dealt = {data = 0}}
// expected-error @+1 {{expected one block of ops without regions on tensors of static shape, to deal it over "data"}}
func.func @memory(%m: memref<8xf32>) -> tensor<8xf32> {
  %v = stc.read @v : tensor<8xf32>
  return %v : tensor<8xf32>
}

// -----

!x = tensor<2x8x2x16xf32>
func.func @positions(%q: tensor<2x1x2x16xf32>, %k: !x {stc.dealt = {data = 1}}, %at: tensor<i32>) -> tensor<2x1x2x16xf32> {
  // expected-error @+1 {{expected operands that are dealt by sequences alone over "data"}}
  %o = stc.attention_row %q, %k, %k at %at scale 0.25 pattern <"dense"> : tensor<2x1x2x16xf32>, !x, !x -> tensor<2x1x2x16xf32>
  return %o : tensor<2x1x2x16xf32>
}

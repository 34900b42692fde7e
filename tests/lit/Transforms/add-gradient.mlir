// RUN: stc-opt %s --stc-add-gradient --split-input-file | FileCheck %s
// RUN: stc-opt %s --stc-add-gradient --stc-differentiate --split-input-file | FileCheck %s --check-prefix=EXPANDED

// CHECK-LABEL: func.func @square(
func.func @square(%x: tensor<8xf32>) -> (tensor<8xf32> {stc.name = "y"}) {
  %0 = arith.mulf %x, %x : tensor<8xf32>
  return %0 : tensor<8xf32>
}
// CHECK: func.func @square.grad([[X:%.*]]: tensor<8xf32>, [[DY:%.*]]: tensor<8xf32> {stc.name = "grad_y"})
// CHECK-SAME: -> (tensor<8xf32> {stc.name = "grad_arg0"}) {
// CHECK-NEXT: [[Y:%.*]] = arith.mulf [[X]], [[X]] : tensor<8xf32>
// CHECK-NEXT: [[DX:%.*]] = stc.gradient [[Y]] seed [[DY]] wrt [[X]] : (tensor<8xf32>) seed(tensor<8xf32>) wrt(tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT: return [[DX]] : tensor<8xf32>
// CHECK-NEXT: }

// EXPANDED: func.func @square.grad(%[[X:.*]]: tensor<8xf32>, %[[SEED:.*]]: tensor<8xf32>
// EXPANDED: %[[L:.*]] = arith.mulf %[[SEED]], %[[X]]
// EXPANDED: %[[R:.*]] = arith.mulf %[[SEED]], %[[X]]
// EXPANDED: %[[SUM:.*]] = arith.addf %[[L]], %[[R]]
// EXPANDED: return %[[SUM]]

// -----

// Integers have no gradient; what the results do not depend on has zeros; a result may be an
// argument, or be returned twice. Variables that are read count as constants.
stc.variable parameter @w : tensor<4xf32>
// CHECK-LABEL: func.func @mixed.grad(
// CHECK-SAME: %{{.*}}: tensor<2xi32> {stc.name = "tokens"}, %[[X:arg[0-9]+]]: tensor<4xf32> {stc.name = "x"}, %[[U:arg[0-9]+]]: tensor<3xf64>,
// CHECK-SAME: %[[D0:arg[0-9]+]]: tensor<4xf32> {stc.name = "grad_result0"}, %[[D2:arg[0-9]+]]: tensor<4xf32> {stc.name = "grad_same"}, %[[D3:arg[0-9]+]]: tensor<4xf32> {stc.name = "grad_result3"})
// CHECK-SAME: -> (tensor<4xf32> {stc.name = "grad_x"}, tensor<3xf64> {stc.name = "grad_arg2"}) {
// CHECK: %[[Y:.*]] = arith.mulf
// CHECK-NEXT: %[[G:.*]]:2 = stc.gradient %[[Y]], %[[X]], %[[Y]] seed %[[D0]], %[[D2]], %[[D3]] wrt %[[X]], %[[U]]
// CHECK-NEXT: return %[[G]]#0, %[[G]]#1 : tensor<4xf32>, tensor<3xf64>

// EXPANDED-LABEL: func.func @mixed.grad(
// EXPANDED-SAME: %[[D0:arg[0-9]+]]: tensor<4xf32> {stc.name = "grad_result0"}, %[[D2:arg[0-9]+]]: tensor<4xf32> {stc.name = "grad_same"}, %[[D3:arg[0-9]+]]: tensor<4xf32>
// EXPANDED: %[[W:.*]] = stc.read @w
// EXPANDED: %[[DY:.*]] = arith.addf %[[D0]], %[[D3]]
// EXPANDED: %[[DYX:.*]] = arith.mulf %[[DY]], %[[W]]
// EXPANDED: %[[DX:.*]] = arith.addf %[[D2]], %[[DYX]]
// EXPANDED: %[[ZERO:.*]] = arith.constant {stc.backward} dense<0.000000e+00> : tensor<3xf64>
// EXPANDED: return %[[DX]], %[[ZERO]]
func.func @mixed(%tokens: tensor<2xi32> {stc.name = "tokens"}, %x: tensor<4xf32> {stc.name = "x"}, %u: tensor<3xf64>)
    -> (tensor<4xf32>, tensor<2xi32>, tensor<4xf32> {stc.name = "same"}, tensor<4xf32>) {
  %w = stc.read @w : tensor<4xf32>
  %y = arith.mulf %x, %w : tensor<4xf32>
  return %y, %tokens, %x, %y : tensor<4xf32>, tensor<2xi32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Functions that have no gradient are passed over if nobody named them.
stc.variable parameter @w : tensor<4xf32>
// CHECK-LABEL: func.func @writes(
// CHECK-NOT: .grad
func.func @writes(%x: tensor<4xf32>) -> tensor<4xf32> {
  stc.write @w, %x : tensor<4xf32>
  return %x : tensor<4xf32>
}
func.func private @hidden(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }
func.func private @declared(tensor<4xf32>) -> tensor<4xf32>
func.func @no_result(%x: tensor<4xf32>) { return }
func.func @no_float(%x: tensor<4xi32>) -> tensor<4xi32> { return %x : tensor<4xi32> }
func.func @scalar(%x: f32) -> f32 { return %x : f32 }

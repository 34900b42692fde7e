// RUN: stc-opt %s --stc-pin-gradients | FileCheck %s
// RUN: stc-opt %s --stc-pin-gradients --canonicalize --cse --stc-differentiate --canonicalize | FileCheck %s --check-prefix=GRADIENT

// Two sines that are equal: the gradient with respect to one is the other, not twice that.
// CHECK-LABEL: func.func @f(
// CHECK-SAME: [[X:%.*]]: tensor<4xf32>)
// CHECK-NEXT: [[Y:%.*]] = math.sin [[X]] : tensor<4xf32>
// CHECK-NEXT: [[PIN:%.*]] = stc.pin [[Y]] distinct[0]<> : tensor<4xf32>
// CHECK-NEXT: [[Z:%.*]] = math.sin [[X]] : tensor<4xf32>
// CHECK-NEXT: [[P:%.*]] = arith.mulf [[PIN]], [[Z]] : tensor<4xf32>
// CHECK-NEXT: [[L:%.*]] = stc.reduce sum [[P]] dims [0] : tensor<4xf32> to tensor<f32>
// CHECK-NEXT: [[G:%.*]] = stc.gradient [[L]] wrt [[PIN]] : (tensor<f32>) wrt(tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: return [[G]] : tensor<4xf32>
// GRADIENT-LABEL: func.func @f(
// GRADIENT-NOT: stc.pin
// GRADIENT: %[[Z:.*]] = math.sin
// GRADIENT-NOT: arith.addf
// GRADIENT: return
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = math.sin %x : tensor<4xf32>
  %z = math.sin %x : tensor<4xf32>
  %p = arith.mulf %y, %z : tensor<4xf32>
  %l = stc.reduce sum %p dims [0] : tensor<4xf32> to tensor<f32>
  %g = stc.gradient %l wrt %y : (tensor<f32>) wrt (tensor<4xf32>) -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// A value that folds to an argument is not the argument: no gradient.
// CHECK-LABEL: func.func @folds(
// CHECK: %[[Y:.*]] = arith.mulf
// CHECK-NEXT: stc.pin %[[Y]]
// GRADIENT-LABEL: func.func @folds(
// GRADIENT-NEXT: %[[ZERO:.*]] = arith.constant {{.*}}dense<0.000000e+00>
// GRADIENT-NEXT: return %[[ZERO]]
func.func @folds(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %y = arith.mulf %x, %one : tensor<4xf32>
  %z = math.sin %x : tensor<4xf32>
  %l = stc.reduce sum %z dims [0] : tensor<4xf32> to tensor<f32>
  %g = stc.gradient %l wrt %y : (tensor<f32>) wrt (tensor<4xf32>) -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// Two reads of a variable, two equal constants and two gradients of one value. Arguments need no pin.
stc.variable parameter @w : tensor<4xf32>
// CHECK-LABEL: func.func @values(
// CHECK: %[[R:.*]] = stc.read @w
// CHECK-NEXT: stc.pin %[[R]] distinct[2]<>
// CHECK-NEXT: stc.read @w
// CHECK-NEXT: %[[C:.*]] = arith.constant
// CHECK-NEXT: stc.pin %[[C]] distinct[3]<>
// CHECK-NOT: stc.pin
// GRADIENT-LABEL: func.func @values(
// GRADIENT-SAME: %[[X:.*]]: tensor<4xf32>)
// GRADIENT-DAG: %[[ZERO:.*]] = arith.constant {{.*}}dense<0.000000e+00>
// GRADIENT-DAG: %[[TWO:.*]] = arith.constant dense<2.000000e+00>
// GRADIENT: return %[[ZERO]], %[[X]], %[[TWO]], %[[X]]
func.func @values(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %r = stc.read @w : tensor<4xf32>
  %s = stc.read @w : tensor<4xf32>
  %c = arith.constant dense<2.0> : tensor<4xf32>
  %d = arith.constant dense<2.0> : tensor<4xf32>
  %p = arith.mulf %x, %c : tensor<4xf32>
  %q = arith.mulf %s, %d : tensor<4xf32>
  %y = arith.addf %p, %q : tensor<4xf32>
  %l = stc.reduce sum %y dims [0] : tensor<4xf32> to tensor<f32>
  %g:3 = stc.gradient %l wrt %r, %c, %x : (tensor<f32>) wrt (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  %again = stc.gradient %l wrt %c : (tensor<f32>) wrt (tensor<4xf32>) -> tensor<4xf32>
  return %g#0, %g#1, %g#2, %again : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

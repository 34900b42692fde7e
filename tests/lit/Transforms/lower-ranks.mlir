// A device's number is a variable, one for each axis.
// RUN: stc-opt %s --stc-lower-ranks --cse | FileCheck %s

// CHECK-DAG: stc.variable rank @rank.data : tensor<i32>
// CHECK-DAG: stc.variable rank @rank.context : tensor<i32>
// CHECK-LABEL: func.func @f
// CHECK: %[[D:.*]] = stc.read @rank.data : tensor<i32>
// CHECK: %[[C:.*]] = stc.read @rank.context : tensor<i32>
// CHECK: arith.muli %[[D]], %[[C]]
func.func @f() -> tensor<i32> {
  %d = stc.rank over "data" of 4 : tensor<i32>
  %c = stc.rank over "context" of 2 : tensor<i32>
  %x = arith.muli %d, %c : tensor<i32>
  return %x : tensor<i32>
}

// CHECK-LABEL: func.func @g
// CHECK: stc.read @rank.data
func.func @g() -> tensor<i32> {
  %d = stc.rank over "data" of 4 : tensor<i32>
  return %d : tensor<i32>
}

// RUN: stc-opt %s --approximate-math-on-host --split-input-file --verify-diagnostics | FileCheck %s

// Every function that rows have, for vectors and scalars; what stays has an instruction.
// CHECK-LABEL: func.func @functions(
// CHECK-NOT: math.{{exp|log|sin|cos|tanh}}
// CHECK: math.rsqrt %{{.*}} : vector<16xf32>
// CHECK: math.sqrt %{{.*}} : f32
func.func @functions(%x: vector<16xf32>, %y: f32) -> (vector<16xf32>, f32) {
  %0 = math.exp %x : vector<16xf32>
  %1 = math.log %0 : vector<16xf32>
  %2 = math.sin %1 : vector<16xf32>
  %3 = math.cos %2 : vector<16xf32>
  %4 = math.tanh %3 : vector<16xf32>
  %5 = math.rsqrt %4 : vector<16xf32>
  %6 = math.exp %y : f32
  %7 = math.sqrt %6 : f32
  return %5, %7 : vector<16xf32>, f32
}

// -----

// Narrow types are computed in f32, and bf16 is taken apart where there is no instruction for it.
// CHECK-LABEL: func.func @narrow(
// CHECK-NOT: math.tanh
// CHECK-NOT: arith.extf
// CHECK: return
func.func @narrow(%x: vector<16xbf16>) -> vector<16xbf16> {
  %0 = math.tanh %x : vector<16xbf16>
  return %0 : vector<16xbf16>
}

// -----

func.func @wide(%x: f64) -> f64 {
  // expected-error @+1 {{expected a function of f32 or narrower, which the host target has; found 'math.exp' of 'f64'}}
  %0 = math.exp %x : f64
  return %0 : f64
}

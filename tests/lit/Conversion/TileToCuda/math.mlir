// RUN: stc-opt %s --approximate-math-on-cuda | FileCheck %s

// Polynomials over vectors, too, though no kernel of a GPU has these.
// CHECK-LABEL: func.func @log(
// CHECK-NOT: math.log
// CHECK: arith.constant dense<0.693147182> : vector<16xf32>
// CHECK: return
func.func @log(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.log %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// CHECK-LABEL: func.func @exp(
// CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.f32"
func.func @exp(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  return %0 : f32
}

// RUN: stc-compile %s --cpu=x86-64-v3 --emit=kernels -o - 2> %t.warnings | FileCheck %s

// An item's queries are of residue r, and the keys that they meet of residue (2 * r + 4) mod 5.
// CHECK: llvm.func internal @attention.body
// CHECK: %[[R:.*]] = llvm.urem %arg5, %[[FIVE:[0-9]+]] : i64
// CHECK: llvm.mul %[[R]], %{{[0-9]+}} : i64
// CHECK: llvm.urem %{{[0-9]+}}, %[[FIVE]] : i64
!x = tensor<1x643x1x32xf32>
func.func @lattice(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"{ [i] -> [j] : j <= i and (i + 2j) mod 5 = 3 }"> : !x, !x, !x -> !x, tensor<1x1x643xf32>
  return %o : !x
}

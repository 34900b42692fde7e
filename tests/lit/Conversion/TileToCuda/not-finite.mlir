// RUN: stc-opt %s --convert-stc-to-tile="target=sm_80 query-sums=always" --convert-tile-to-plan --schedule-attention=target=sm_80 --convert-tile-to-cuda=target=sm_80 --split-input-file | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=always" --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda --split-input-file | FileCheck %s --check-prefixes=CHECK,SM90

// An item among whose results an infinity or NaN is notes its round, with no branch: it is computed again
// behind all items, by a loop over the rows and one over the keys, each of whose pairs is selected. A sum of
// weights is 0 where all scores are minus infinity: the row's, not one lane's part of it as a loop leaves it.
// CHECK-LABEL: plan.kernel @attention kind "attention"
// CHECK-NOT: arith.cmpf oeq, %{{[0-9]+}}#
// SM80-NOT: nvvm.vote.sync
// SM90-NOT: bar.red.or
// CHECK: red.shared.min.s32
// CHECK: %[[FIRST:[0-9]+]] = llvm.load %{{.*}} : !llvm.ptr<3> -> i32
// CHECK: %[[SOME:[0-9]+]] = arith.cmpi slt, %[[FIRST]], %c2147483647_i32
// CHECK: scf.if %[[SOME]] {
// CHECK: scf.for
// CHECK: scf.for
// CHECK: scf.for
// CHECK: arith.select
// CHECK-NOT: red.shared.min.s32
!x = tensor<1x1000x2x64xbf16>
!l = tensor<1x2x1000xf32>
func.func @one_part(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(100)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// What is added to the results of another part must not be stored in part: all threads of an item agree.
// CHECK-LABEL: plan.kernel @attention kind "attention"
// SM80-NOT: nvvm.vote.sync
// SM90-NOT: bar.red.or
// CHECK: red.shared.min.s32
// CHECK-LABEL: plan.kernel @attention_0 kind "attention"
// SM80: nvvm.vote.sync any
// SM90: bar.red.or.pred
// CHECK: red.shared.min.s32
!x = tensor<1x1000x2x64xbf16>
!l = tensor<1x2x1000xf32>
func.func @two_parts(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"strided(32)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// What is added to the sums of queries' gradients has the whole tile of keys: its elements are looked at, by all
// threads, before the loop over tiles of queries; if one is an infinity or NaN, its pairs are added behind the items.
// CHECK-LABEL: plan.kernel @attention_key_grad kind "attention"
// CHECK: bar.red.or.pred
// CHECK: scf.for
// CHECK: red.shared.min.s32
// CHECK: nvvm.vote.sync any
// CHECK-NEXT: scf.if
// CHECK: scf.for
// CHECK: llvm.atomicrmw fadd
// CHECK-LABEL: plan.kernel @attention_query_sum
!x = tensor<1x1000x1x64xbf16>
!l = tensor<1x1x1000xf32>
func.func @sums(%q: !x, %k: !x, %v: !x, %o: !x, %lse: !l, %do: !x) -> (!x, !x, !x) {
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.125 pattern <"dense">
      : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

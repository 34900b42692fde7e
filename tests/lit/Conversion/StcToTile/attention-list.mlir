// Tiles that meet a list of tiles: diagonals that share tiles, and repeat in each.
// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a | FileCheck %s
// RUN: stc-opt %s --convert-stc-to-tile | FileCheck %s --check-prefix=HOST
// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda | FileCheck %s --check-prefix=CUDA
// RUN: sed 's/xbf16/xf32/' %s | stc-opt --convert-stc-to-tile --convert-tile-to-plan --expand-tile-on-host --convert-tile-to-host | FileCheck %s --check-prefix=MEMORY

!x = tensor<1x640x1x64xbf16>
!l = tensor<1x1x640xf32>

// Of five tiles of 128 queries, where in the list theirs begin and end; then twice how many tiles of keys behind each
// one lies: the first tile meets itself, the last all five. None is full: that would add one.
// CHECK: tile.walk view <1, 0, 1, 1> ranges {
// CHECK-NEXT: ^bb0(%{{.*}}: index, %[[T:.*]]: index):
// CHECK: %[[TWICE:.*]] = arith.muli %[[T]], %c2
// CHECK-NEXT: %[[BEGIN:.*]] = tile.lookup %[[TWICE]] of [14, 15, 13, 15, 12, 15, 11, 15, 10, 15, -8, -6, -4, -2, 0]
// CHECK: %[[END:.*]] = tile.lookup %{{.*}} of [14,
// CHECK: %[[ROWS:.*]] = arith.constant 128 : index
// CHECK-NEXT: tile.yield %[[BEGIN]], %[[END]], %[[ROWS]] : index, index, index
// CHECK-NEXT: } bounds {
// CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: index, %[[M:.*]]: index):
// CHECK: tile.lookup %[[M]] of [14,
// CHECK: } mask {
// CHECK-NOT: tile.lookup
// CHECK: tile.yield %{{.*}} : i1

// Two strips of 32 queries share a list of tiles of 64.
// HOST: tile.walk view <1, 0, 1, 1> ranges {
// HOST: %[[SHIFT:.*]] = arith.constant 1 : index
// HOST-NEXT: %[[TILE:.*]] = arith.shrsi %{{.*}}, %[[SHIFT]] : index
// HOST: tile.lookup
// HOST: arith.constant 64 : index
// HOST-NEXT: tile.yield

// One table for all that look into it, whatever the index.
// CUDA-COUNT-1: llvm.mlir.global internal constant @table{{[0-9]+}}(dense<[14, 15, 13,
// CUDA-NOT: llvm.mlir.global internal constant @table
// CUDA: llvm.func @attention
// CUDA: %[[LEAST:.*]] = arith.maxsi %{{.*}}, %c0_i32
// CUDA: %[[INDEX:.*]] = arith.minsi %[[LEAST]], %c{{[0-9]+}}_i32
// CUDA-NEXT: %[[TABLE:.*]] = llvm.mlir.addressof @table{{[0-9]+}} : !llvm.ptr<1>
// CUDA-NEXT: %[[PLACE:.*]] = llvm.getelementptr %[[TABLE]][%[[INDEX]]]
// CUDA-NEXT: llvm.load %[[PLACE]] : !llvm.ptr<1> -> i32

// MEMORY-COUNT-1: memref.global "private" constant @table{{[0-9]+}} : memref<{{[0-9]+}}xi32> = dense<
// MEMORY-NOT: memref.global
// MEMORY: %[[TABLE:.*]] = memref.get_global @table{{[0-9]+}}
// MEMORY-NEXT: memref.load %[[TABLE]][%{{.*}}]
func.func @diagonals(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125
      pattern <"local(4) | { [i] -> [j] : i - j = 70 or i - j = 190 or i - j = 410 }"> : !x, !x, !x -> !x, !l
  return %o : !x
}

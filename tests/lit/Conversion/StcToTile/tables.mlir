// RUN: stc-opt %s --convert-stc-to-tile --split-input-file --verify-diagnostics | FileCheck %s

// Tables of one width share a kernel, which is told how many rows they have. An index outside gives the
// nearest row.
// CHECK-LABEL: func.func @embed(
// CHECK-NEXT: tile.launch @gather(%{{.*}}, %{{.*}}) items 1 sizes [128, 128, 257] {{.*}} work <flops 0, bytes 16896>
// CHECK-NEXT: tile.launch @gather(%{{.*}}, %{{.*}}) items 1 sizes [5, 5, 8] {{.*}} work <flops 0, bytes 660>
// CHECK: tile.kernel @gather kind "table" (%[[T:.*]]: memref<?x16xf32>, %[[I:.*]]: memref<?xi32>, %[[Y:.*]]: memref<?x16xf32>, %{{.*}}: index, %{{.*}}: index, %[[SIZE:.*]]: index, %{{.*}}: index) {
// CHECK: scf.for %[[ROW:[^ ]*]]
// CHECK: memref.load %[[I]][%[[ROW]]]
// CHECK: %[[LAST:.*]] = arith.addi %[[SIZE]], %c-1
// CHECK: %[[LOW:.*]] = arith.maxsi
// CHECK: %[[AT:.*]] = arith.minsi %[[LOW]], %[[LAST]]
// CHECK: tile.sweep
// CHECK-NEXT: memref.load %[[T]][%[[AT]], %{{.*}}]
// CHECK-NEXT: memref.store %{{.*}}, %[[Y]][%[[ROW]], %{{.*}}]
// CHECK-NOT: tile.kernel
func.func @embed(%t: tensor<257x16xf32>, %i: tensor<2x64xi32>, %u: tensor<8x16xf32>, %j: tensor<5xi32>)
    -> (tensor<2x64x16xf32>, tensor<5x16xf32>) {
  %0 = stc.gather %t, %i : tensor<257x16xf32>, tensor<2x64xi32> -> tensor<2x64x16xf32>
  %1 = stc.gather %u, %j : tensor<8x16xf32>, tensor<5xi32> -> tensor<5x16xf32>
  return %0, %1 : tensor<2x64x16xf32>, tensor<5x16xf32>
}

// -----

// An item adds up 32 columns of the whole table, so that no two items write the same row.
// CHECK-LABEL: func.func @scatter(
// CHECK-NEXT: tile.launch @scatter_add(%{{.*}}, %{{.*}}) items 2 sizes [128, 257]
// CHECK: tile.kernel @scatter_add
// CHECK: %[[FIRST:.*]] = arith.muli %{{.*}}, %c32
// CHECK: %[[LAST:.*]] = arith.minui %{{.*}}, %c48
// CHECK: tile.sweep %{{.*}} = %[[FIRST]] to %[[LAST]] {
// CHECK-NEXT: memref.store %cst, %[[T:.*]][
// CHECK: tile.sweep %{{.*}} = %[[FIRST]] to %[[LAST]] {
// CHECK-NEXT: %[[OLD:.*]] = memref.load %[[T]]
// CHECK: %[[SUM:.*]] = arith.addf %[[OLD]]
// CHECK-NEXT: memref.store %[[SUM]], %[[T]]
func.func @scatter(%r: tensor<2x64x48xf32>, %i: tensor<2x64xi32>) -> tensor<257x48xf32> {
  %0 = stc.scatter_add %r, %i : tensor<2x64x48xf32>, tensor<2x64xi32> -> tensor<257x48xf32>
  return %0 : tensor<257x48xf32>
}

// -----

func.func @scatter_narrow(%r: tensor<64x48xbf16>, %i: tensor<64xi32>) -> tensor<257x48xbf16> {
  // expected-error @+1 {{expected rows of f32 or f64 to add, found 'bf16'}}
  %0 = stc.scatter_add %r, %i : tensor<64x48xbf16>, tensor<64xi32> -> tensor<257x48xbf16>
  return %0 : tensor<257x48xbf16>
}

// -----

// A row is written into the sequence's own memory, at a position that is brought inside.
// CHECK-LABEL: func.func @cache(
// CHECK-NEXT: tile.launch @insert_row(%{{.*}}, %{{.*}}, %{{.*}}) items 1 sizes [3, 3, 32] tied [1] inplace [-1] work <flops 0, bytes 388>
// CHECK: tile.kernel @insert_row kind "table" (%[[ROWS:.*]]: memref<?x16xf32>, %[[SEQUENCE:.*]]: memref<?x16xf32>, %[[P:.*]]: memref<i32>, {{.*}}) {
// CHECK: arith.maxsi
// CHECK-NEXT: arith.minsi
// CHECK: memref.load %[[ROWS]]
// CHECK-NEXT: memref.store %{{.*}}, %[[SEQUENCE]]
func.func @cache(%r: tensor<3x1x2x8xf32>, %s: tensor<3x32x2x8xf32>, %p: tensor<i32>) -> tensor<3x32x2x8xf32> {
  %0 = stc.insert_row %r into %s at %p : tensor<3x1x2x8xf32> into tensor<3x32x2x8xf32>
  return %0 : tensor<3x32x2x8xf32>
}

// -----

// Of a row that is a part of a wider one, where it lies.
// CHECK-LABEL: func.func @cache_part(
// CHECK-NOT: @split
// CHECK: tile.launch @insert_row(%{{.*}}) {{.*}} : (tensor<3x1x48xf32>, tensor<3x32x2x8xf32>, tensor<i32>)
// CHECK: tile.kernel @insert_row kind "table" (%[[ROWS:.*]]: memref<?x48xf32>, %{{.*}}: memref<?x16xf32>,
// CHECK: tile.sweep %[[C:.*]] =
// CHECK: %[[AT:.*]] = arith.addi %[[C]], %c16
// CHECK: memref.load %[[ROWS]][%{{.*}}, %[[AT]]]
func.func @cache_part(%x: tensor<3x1x48xf32>, %s: tensor<3x32x2x8xf32>, %p: tensor<i32>) -> tensor<3x32x2x8xf32> {
  %q, %k, %v = stc.split %x : tensor<3x1x48xf32> to tensor<3x1x16xf32>, tensor<3x1x16xf32>, tensor<3x1x16xf32>
  %r = stc.reshape %k : tensor<3x1x16xf32> to tensor<3x1x2x8xf32>
  %0 = stc.insert_row %r into %s at %p : tensor<3x1x2x8xf32> into tensor<3x32x2x8xf32>
  return %0 : tensor<3x32x2x8xf32>
}

// -----

// CHECK-LABEL: func.func @parts(
// CHECK-NEXT: %[[P:.*]]:2 = tile.launch @split(%{{.*}}) items 1 sizes [32, 32] tied [-1, -1] {{.*}} -> (tensor<4x8x4xf32>, tensor<4x8x8xf32>)
// CHECK-NEXT: tile.launch @concat(%[[P]]#1, %[[P]]#0) items 1 sizes [32, 32] {{.*}} -> tensor<4x8x12xf32>
// CHECK: tile.kernel @split kind "table" (%[[X:.*]]: memref<?x12xf32>, %{{.*}}: memref<?x4xf32>, %[[B:.*]]: memref<?x8xf32>,
// CHECK: %[[AT:.*]] = arith.addi %[[C:.*]], %c4
// CHECK-NEXT: %[[E:.*]] = memref.load %[[X]][%{{.*}}, %[[AT]]]
// CHECK-NEXT: memref.store %[[E]], %[[B]][%{{.*}}, %[[C]]]
// CHECK: tile.kernel @concat
func.func @parts(%x: tensor<4x8x12xf32>) -> tensor<4x8x12xf32> {
  %0:2 = stc.split %x : tensor<4x8x12xf32> to tensor<4x8x4xf32>, tensor<4x8x8xf32>
  %1 = stc.concat %0#1, %0#0 : tensor<4x8x8xf32>, tensor<4x8x4xf32> to tensor<4x8x12xf32>
  return %1 : tensor<4x8x12xf32>
}

// -----

// What nobody reads is not copied.
// CHECK-LABEL: func.func @part(
// CHECK-NEXT: tile.launch @split(%{{.*}}) items 1 sizes [32, 32] {{.*}} work <flops 0, bytes 1024> : (tensor<32x12xf32>) -> tensor<32x4xf32>
// CHECK: tile.kernel @split kind "table" (%[[X:.*]]: memref<?x12xf32>, %[[P:.*]]: memref<?x4xf32>,
// CHECK: %[[AT:.*]] = arith.addi %[[C:.*]], %c6
// CHECK-NEXT: %[[E:.*]] = memref.load %[[X]][%{{.*}}, %[[AT]]]
// CHECK-NEXT: memref.store %[[E]], %[[P]][%{{.*}}, %[[C]]]
// CHECK-NOT: memref.load
func.func @part(%x: tensor<32x12xf32>) -> tensor<32x4xf32> {
  %0:3 = stc.split %x : tensor<32x12xf32> to tensor<32x6xf32>, tensor<32x4xf32>, tensor<32x2xf32>
  return %0#1 : tensor<32x4xf32>
}

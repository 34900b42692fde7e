// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --split-input-file | FileCheck %s

// An item is a warp's: about 1024 elements. What is combined over items has at most 1536 parts, which are combined
// 48 at a time.
// CHECK-LABEL: func.func @columns(
// CHECK-NEXT: %[[PARTS:.*]] = tile.launch @rows(%{{.*}}) items 1536 sizes [49152, 32] {{.*}} -> tensor<786432xf32>
// CHECK-NEXT: %[[SOME:.*]] = tile.launch @combine_sum(%[[PARTS]]) items 512 sizes [1536, 512] {{.*}} -> tensor<16384xf32>
// CHECK-NEXT: tile.launch @combine_sum_0(%[[SOME]]) items 16 sizes [32, 512] {{.*}} -> tensor<512xf32>
// CHECK: tile.kernel @combine_sum
// CHECK-NOT: tile.scratch
func.func @columns(%x: tensor<49152x512xf32>) -> tensor<512xf32> {
  %0 = stc.fused space [49152, 512] (%a = %x : tensor<49152x512xf32>) -> (tensor<512xf32>) {
    %c = stc.reduce sum %a dims [0] : tensor<49152x512xf32> to tensor<512xf32>
    stc.yield %c : tensor<512xf32>
  }
  return %0 : tensor<512xf32>
}

// -----

// Rows from 1024 columns on are cut into blocks of 512, which a kernel knows: none is cut off.
// CHECK-LABEL: func.func @blocked(
// CHECK-NEXT: tile.launch @rows_addf(%{{.*}}, %{{.*}}) items 12 sizes [6, 2] tied [-1] inplace [0] work <{{.*}}> :
// CHECK: tile.kernel @rows_addf
// CHECK: %[[FROM:.*]] = arith.muli %{{.*}}, %c512
// CHECK: %[[TO:.*]] = arith.addi %[[FROM]], %c512
// CHECK-NOT: arith.minui %{{.*}}, %c2048
// CHECK: tile.sweep %{{.*}} = %[[FROM]] to %[[TO]]
func.func @blocked(%x: tensor<6x2048xf32>, %y: tensor<2048xf32>) -> tensor<6x2048xf32> {
  %0 = stc.fused space [6, 2048] (%a = %x : tensor<6x2048xf32>, %b = %y : tensor<2048xf32>) -> (tensor<6x2048xf32>) {
    %c = stc.broadcast %b dims [1] : tensor<2048xf32> to tensor<6x2048xf32>
    %d = arith.addf %a, %c : tensor<6x2048xf32>
    stc.yield %d : tensor<6x2048xf32>
  }
  return %0 : tensor<6x2048xf32>
}

// -----

// A kernel that is told a length is told it in units that its vectors divide: of 8 columns, or of 4.
// CHECK-LABEL: func.func @flat(
// CHECK-NEXT: tile.launch @flat_mulf(%{{.*}}) items 4 sizes [500]
// CHECK-NEXT: tile.launch @flat_mulf_0(%{{.*}}) items 1 sizes [3]
// CHECK: tile.kernel @flat_mulf
// CHECK: arith.muli %{{.*}}, %c8
// CHECK: tile.kernel @flat_mulf_0
// CHECK: arith.muli %{{.*}}, %c4
func.func @flat(%x: tensor<4000xf32>, %y: tensor<12xf32>) -> (tensor<4000xf32>, tensor<12xf32>) {
  %0 = stc.fused space [4000] (%a = %x : tensor<4000xf32>) -> (tensor<4000xf32>) {
    %b = arith.mulf %a, %a : tensor<4000xf32>
    stc.yield %b : tensor<4000xf32>
  }
  %1 = stc.fused space [12] (%a = %y : tensor<12xf32>) -> (tensor<12xf32>) {
    %b = arith.mulf %a, %a : tensor<12xf32>
    stc.yield %b : tensor<12xf32>
  }
  return %0, %1 : tensor<4000xf32>, tensor<12xf32>
}

// -----

// Four blocks of 128 columns of each of 16 parts of the rows; the parts' tables are added up.
// CHECK-LABEL: func.func @scatter(
// CHECK-NEXT: %[[PARTS:.*]] = tile.launch @scatter_add(%{{.*}}, %{{.*}}) items 64 sizes [4096, 256, 256] {{.*}} -> tensor<2097152xf32>
// CHECK-NEXT: tile.launch @combine_sum(%[[PARTS]]) items 4096 sizes [16, 131072] {{.*}} -> tensor<256x512xf32>
func.func @scatter(%r: tensor<4096x512xf32>, %i: tensor<4096xi32>) -> tensor<256x512xf32> {
  %0 = stc.scatter_add %r, %i : tensor<4096x512xf32>, tensor<4096xi32> -> tensor<256x512xf32>
  return %0 : tensor<256x512xf32>
}

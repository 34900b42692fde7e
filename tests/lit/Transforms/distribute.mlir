// What each kind of op does with operands in parts and in summands, over an axis of four devices.
// RUN: stc-opt %s --split-input-file --stc-distribute="axis=data count=4" --canonicalize | FileCheck %s
// RUN: stc-opt %s --split-input-file --stc-distribute="axis=data count=4 share-state=true" --canonicalize | FileCheck %s --check-prefix=SHARED
// RUN: stc-opt %s --split-input-file --stc-distribute="axis=data count=4 share-state=true scattered-type=bf16" --canonicalize | FileCheck %s --check-prefix=NARROW
// RUN: stc-opt %s --split-input-file --stc-distribute="axis=context count=4" | FileCheck %s --check-prefix=OTHER

// The example of the pass's description.
// CHECK: func.func @step([[X:%.*]]: tensor<2x16xf32> {stc.dealt = {data = 0 : i64}}, [[W:%.*]]: tensor<4x16xf32>) -> tensor<f32> {
// CHECK: [[Y:%.*]] = stc.matmul [[X]], [[W]] transpose_rhs : tensor<2x16xf32>, tensor<4x16xf32> -> tensor<2x4xf32>
// CHECK: [[S:%.*]] = stc.reduce sum [[Y]] dims [0, 1] : tensor<2x4xf32> to tensor<f32>
// CHECK: [[T:%.*]] = stc.all_reduce sum [[S]] over "data" of 4 : tensor<f32>
// CHECK: [[E:%.*]] = math.exp [[T]] : tensor<f32>
// CHECK: return [[E]] : tensor<f32>
// CHECK: }
// Nothing is dealt over another axis.
// OTHER-LABEL: func.func @step
// OTHER-SAME: tensor<8x16xf32>
func.func @step(%x: tensor<8x16xf32> {stc.dealt = {data = 0}}, %w: tensor<4x16xf32>) -> tensor<f32> {
  %y = stc.matmul %x, %w transpose_rhs : tensor<8x16xf32>, tensor<4x16xf32> -> tensor<8x4xf32>
  %s = stc.reduce sum %y dims [0, 1] : tensor<8x4xf32> to tensor<f32>
  %e = math.exp %s : tensor<f32>
  return %e : tensor<f32>
}

// -----

// A product over the dimension that is in parts gives summands, which stay so through what is linear, and through a sum
// of others. Whatever else reads them takes the sum.
// CHECK-LABEL: func.func @summands
// CHECK: %[[A:.*]] = stc.matmul %{{.*}}, %{{.*}} transpose_lhs : tensor<2x3xf32>, tensor<2x5xf32> -> tensor<3x5xf32>
// CHECK: %[[N:.*]] = arith.negf %[[A]] : tensor<3x5xf32>
// CHECK: %[[M:.*]] = arith.mulf %[[N]], %{{.*}} : tensor<3x5xf32>
// CHECK: %[[D:.*]] = arith.addf %[[M]], %{{.*}} : tensor<3x5xf32>
// CHECK: %[[S:.*]] = stc.all_reduce sum %[[D]] over "data" of 4 : tensor<3x5xf32>
// CHECK: arith.mulf %[[S]], %[[S]] : tensor<3x5xf32>
// CHECK-NOT: stc.all
func.func @summands(%x: tensor<8x3xf32> {stc.dealt = {data = 0}}, %y: tensor<8x5xf32> {stc.dealt = {data = 0}},
                    %w: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %a = stc.matmul %x, %y transpose_lhs : tensor<8x3xf32>, tensor<8x5xf32> -> tensor<3x5xf32>
  %n = arith.negf %a : tensor<3x5xf32>
  %m = arith.mulf %n, %w : tensor<3x5xf32>
  %c = stc.matmul %x, %y transpose_lhs : tensor<8x3xf32>, tensor<8x5xf32> -> tensor<3x5xf32>
  %d = arith.addf %m, %c : tensor<3x5xf32>
  %e = arith.mulf %d, %d : tensor<3x5xf32>
  return %e : tensor<3x5xf32>
}

// -----

// One summand may stay one in a product, two may not; and what was summed up once is not summed up again.
// CHECK-LABEL: func.func @factors
// CHECK: %[[A:.*]] = stc.reduce sum %{{.*}} dims [0] : tensor<2x3xf32> to tensor<3xf32>
// CHECK: %[[B:.*]] = stc.reduce sum %{{.*}} dims [0] : tensor<2x3xf32> to tensor<3xf32>
// CHECK: %[[W:.*]] = stc.all_reduce sum %[[B]] over "data" of 4 : tensor<3xf32>
// CHECK: %[[P:.*]] = arith.mulf %[[A]], %[[W]] : tensor<3xf32>
// CHECK: arith.mulf %[[W]], %[[W]] : tensor<3xf32>
// CHECK: stc.all_reduce sum %[[P]] over "data" of 4 : tensor<3xf32>
// CHECK-NOT: stc.all
func.func @factors(%x: tensor<8x3xf32> {stc.dealt = {data = 0}}, %y: tensor<8x3xf32> {stc.dealt = {data = 0}})
    -> (tensor<3xf32>, tensor<3xf32>) {
  %a = stc.reduce sum %x dims [0] : tensor<8x3xf32> to tensor<3xf32>
  %b = stc.reduce sum %y dims [0] : tensor<8x3xf32> to tensor<3xf32>
  %p = arith.mulf %a, %b : tensor<3xf32>
  %q = arith.mulf %b, %b : tensor<3xf32>
  return %p, %q : tensor<3xf32>, tensor<3xf32>
}

// -----

// What all devices have is cut only where nothing says what its parts are.
// CHECK-LABEL: func.func @parts
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32> {{.*}}, %[[W:.*]]: tensor<8x3xf32>, %[[B:.*]]: tensor<3xf32>)
// CHECK-DAG: %[[C:.*]] = arith.constant dense<5.000000e-01> : tensor<2x3xf32>
// CHECK: %[[P:.*]] = arith.mulf %[[X]], %[[C]] : tensor<2x3xf32>
// CHECK: %[[R:.*]] = stc.broadcast %[[B]] dims [1] : tensor<3xf32> to tensor<2x3xf32>
// CHECK: %[[S:.*]] = stc.all_slice %[[W]] dim 0 over "data" of 4 : tensor<8x3xf32> to tensor<2x3xf32>
// CHECK: %[[T:.*]] = arith.addf %[[R]], %[[S]] : tensor<2x3xf32>
// CHECK: %[[Q:.*]] = arith.addf %[[P]], %[[T]] : tensor<2x3xf32>
// CHECK: %[[G:.*]] = stc.all_gather %[[Q]] dim 0 over "data" of 4 : tensor<2x3xf32> to tensor<8x3xf32>
// CHECK: return %[[Q]], %[[G]]
func.func @parts(%x: tensor<8x3xf32> {stc.dealt = {data = 0}}, %w: tensor<8x3xf32>, %bias: tensor<3xf32>)
    -> (tensor<8x3xf32> {stc.dealt = {data = 0}}, tensor<8x3xf32>) {
  %c = arith.constant dense<0.5> : tensor<8x3xf32>
  %p = arith.mulf %x, %c : tensor<8x3xf32>
  %r = stc.broadcast %bias dims [1] : tensor<3xf32> to tensor<8x3xf32>
  %t = arith.addf %r, %w : tensor<8x3xf32>
  %q = arith.addf %p, %t : tensor<8x3xf32>
  return %q, %q : tensor<8x3xf32>, tensor<8x3xf32>
}

// -----

// Parts stay parts where dimensions are merged, also those of an inner one: of each 64 rows, a device has 16.
// CHECK-LABEL: func.func @merged
// CHECK: stc.reshape %{{.*}} : tensor<2x16x3xf32> to tensor<32x3xf32>
// CHECK: stc.matmul %{{.*}}, %{{.*}} : tensor<32x3xf32>, tensor<3x5xf32> -> tensor<32x5xf32>
// CHECK: stc.reshape %{{.*}} : tensor<32x5xf32> to tensor<2x16x5xf32>
// CHECK: stc.all_gather %{{.*}} dim 1 over "data" of 4 : tensor<2x16x5xf32> to tensor<2x64x5xf32>
// CHECK: stc.reshape %{{.*}} : tensor<2x64x5xf32> to tensor<128x5xf32>
func.func @merged(%x: tensor<2x64x3xf32> {stc.dealt = {data = 1}}, %w: tensor<3x5xf32>) -> tensor<128x5xf32> {
  %m = stc.reshape %x : tensor<2x64x3xf32> to tensor<128x3xf32>
  %y = stc.matmul %m, %w : tensor<128x3xf32>, tensor<3x5xf32> -> tensor<128x5xf32>
  return %y : tensor<128x5xf32>
}

// -----

// Rows of a table, attention by sequences, columns, and the largest of all.
// CHECK-LABEL: func.func @sequences
// CHECK: stc.gather %{{.*}}, %{{.*}} : tensor<9x96xf32>, tensor<1x8xi32> -> tensor<1x8x96xf32>
// CHECK: stc.split %{{.*}} : tensor<1x8x96xf32> to
// CHECK: stc.attention {{.*}} tensor<1x8x2x16xf32>, tensor<1x2x8xf32>
// CHECK: %[[M:.*]] = stc.reduce max %{{.*}} dims [0, 1, 2, 3] : tensor<1x8x2x16xf32> to tensor<f32>
// CHECK: stc.all_reduce max %[[M]] over "data" of 4 : tensor<f32>
// CHECK: %[[T:.*]] = stc.scatter_add %{{.*}}, %{{.*}} : tensor<1x8x96xf32>, tensor<1x8xi32> -> tensor<9x96xf32>
// CHECK: stc.all_reduce sum %[[T]] over "data" of 4 : tensor<9x96xf32>
func.func @sequences(%table: tensor<9x96xf32>, %tokens: tensor<4x8xi32> {stc.dealt = {data = 0}}) -> (tensor<f32>, tensor<9x96xf32>) {
  %x = stc.gather %table, %tokens : tensor<9x96xf32>, tensor<4x8xi32> -> tensor<4x8x96xf32>
  %q:3 = stc.split %x : tensor<4x8x96xf32> to tensor<4x8x32xf32>, tensor<4x8x32xf32>, tensor<4x8x32xf32>
  %a = stc.reshape %q#0 : tensor<4x8x32xf32> to tensor<4x8x2x16xf32>
  %b = stc.reshape %q#1 : tensor<4x8x32xf32> to tensor<4x8x2x16xf32>
  %c = stc.reshape %q#2 : tensor<4x8x32xf32> to tensor<4x8x2x16xf32>
  %o, %l = stc.attention %a, %b, %c scale 0.25 pattern <"dense"> : tensor<4x8x2x16xf32>, tensor<4x8x2x16xf32>,
      tensor<4x8x2x16xf32> -> tensor<4x8x2x16xf32>, tensor<4x2x8xf32>
  %m = stc.reduce max %o dims [0, 1, 2, 3] : tensor<4x8x2x16xf32> to tensor<f32>
  %t = stc.scatter_add %x, %tokens : tensor<4x8x96xf32>, tensor<4x8xi32> -> tensor<9x96xf32>
  return %m, %t : tensor<f32>, tensor<9x96xf32>
}

// -----

// Each device updates its part of the optimizer's variables, by its part of the gradient; the weights are whole again.
// SHARED: stc.variable parameter @w : tensor<2x3xf32> {stc.dealt = {data = 0 : i64}}
// SHARED: stc.variable optimizer @m : tensor<2x3xf32> {stc.dealt = {data = 0 : i64}}
// SHARED-LABEL: func.func @update
// SHARED: %[[W:.*]] = stc.read @w : tensor<2x3xf32>
// SHARED: %[[G:.*]] = stc.matmul {{.*}} -> tensor<8x3xf32>
// SHARED: %[[M:.*]] = stc.read @m : tensor<2x3xf32>
// SHARED: %[[S:.*]] = stc.reduce_scatter %[[G]] dim 0 over "data" of 4 : tensor<8x3xf32> to tensor<2x3xf32>
// NARROW-LABEL: func.func @update
// NARROW: %[[SENT:.*]] = arith.truncf %{{.*}} : tensor<8x3xf32> to tensor<8x3xbf16>
// NARROW: %[[SUM:.*]] = stc.reduce_scatter %[[SENT]] dim 0 over "data" of 4 : tensor<8x3xbf16> to tensor<2x3xbf16>
// NARROW: arith.extf %[[SUM]] : tensor<2x3xbf16> to tensor<2x3xf32>
// SHARED: %[[N:.*]] = arith.addf %[[M]], %[[S]] : tensor<2x3xf32>
// SHARED: stc.write @m, %[[N]] : tensor<2x3xf32>
// SHARED: %[[V:.*]] = arith.subf %[[W]], %[[N]] : tensor<2x3xf32>
// SHARED-NOT: stc.all_gather
// SHARED: stc.write @w, %[[V]] : tensor<2x3xf32>
// CHECK-LABEL: func.func @update
// CHECK: stc.all_reduce sum %{{.*}} over "data" of 4 : tensor<8x3xf32>
stc.variable parameter @w : tensor<8x3xf32>
stc.variable optimizer @m : tensor<8x3xf32>
func.func @update(%x: tensor<4x8xf32> {stc.dealt = {data = 0}}, %y: tensor<4x3xf32> {stc.dealt = {data = 0}}) {
  %w = stc.read @w : tensor<8x3xf32>
  %g = stc.matmul %x, %y transpose_lhs : tensor<4x8xf32>, tensor<4x3xf32> -> tensor<8x3xf32>
  %m = stc.read @m : tensor<8x3xf32>
  %n = arith.addf %m, %g : tensor<8x3xf32>
  stc.write @m, %n : tensor<8x3xf32>
  %v = arith.subf %w, %n : tensor<8x3xf32>
  stc.write @w, %v : tensor<8x3xf32>
  return
}

// -----

// A parameter in parts is gathered in the type that the product reads, right behind the cast, and once.
// SHARED-LABEL: func.func @product
// SHARED: %[[W:.*]] = stc.read @w : tensor<2x3xf32>
// SHARED: %[[T:.*]] = arith.truncf %[[W]] : tensor<2x3xf32> to tensor<2x3xbf16>
// SHARED: %[[A:.*]] = stc.all_gather %[[T]] dim 0 over "data" of 4 : tensor<2x3xbf16> to tensor<8x3xbf16>
// SHARED: %[[Y:.*]] = stc.matmul %{{.*}}, %[[A]] : tensor<1x8xbf16>, tensor<8x3xbf16> -> tensor<1x3xbf16>
// SHARED: stc.matmul %[[Y]], %[[A]] transpose_rhs
// SHARED-NOT: stc.all_gather
// SHARED: return
stc.variable parameter @w : tensor<8x3xf32>
func.func @product(%x: tensor<4x8xbf16> {stc.dealt = {data = 0}}) -> (tensor<4x8xbf16> {stc.dealt = {data = 0}}) {
  %w = stc.read @w : tensor<8x3xf32>
  %n = arith.truncf %w : tensor<8x3xf32> to tensor<8x3xbf16>
  %y = stc.matmul %x, %n : tensor<4x8xbf16>, tensor<8x3xbf16> -> tensor<4x3xbf16>
  %z = stc.matmul %y, %n transpose_rhs : tensor<4x3xbf16>, tensor<8x3xbf16> -> tensor<4x8xbf16>
  return %z : tensor<4x8xbf16>
}

// -----

// Random numbers and indices are those of the whole tensor.
// CHECK-LABEL: func.func @places
// CHECK-DAG: %[[SIZE:.*]] = arith.constant dense<2> : tensor<i32>
// CHECK-DAG: %[[R:.*]] = stc.rank over "data" of 4 : tensor<i32>
// CHECK-DAG: stc.random uniform seed %{{.*}} step %{{.*}} stream 7 part %{{.*}} of [4] runs [6] : tensor<2x3xf32>
// CHECK-DAG: %[[I:.*]] = stc.iota 0 : tensor<2x3xi32>
// CHECK-DAG: arith.muli %{{.*}}, %[[SIZE]] : tensor<i32>
// CHECK-NOT: all_slice
// CHECK: return
func.func @places(%x: tensor<8x3xf32> {stc.dealt = {data = 0}}, %seed: tensor<i64>)
    -> (tensor<8x3xf32> {stc.dealt = {data = 0}}) {
  %r = stc.random uniform seed %seed step %seed stream 7 : tensor<8x3xf32>
  %i = stc.iota 0 : tensor<8x3xi32>
  %f = arith.sitofp %i : tensor<8x3xi32> to tensor<8x3xf32>
  %s = arith.addf %r, %f : tensor<8x3xf32>
  %y = arith.mulf %x, %s : tensor<8x3xf32>
  return %y : tensor<8x3xf32>
}

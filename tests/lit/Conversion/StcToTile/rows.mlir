// RUN: stc-opt %s --convert-stc-to-tile --split-input-file | FileCheck %s

// Equal layers share a kernel, whatever marks their ops carry; the sum may take over the memory of its first
// operand.
// CHECK-LABEL: func.func @layers(
// CHECK-SAME: %[[X:.*]]: tensor<8x64xf32>, %[[A:.*]]: tensor<64xf32>, %[[B:.*]]: tensor<64xf32>)
// CHECK-NEXT: %[[Y:.*]] = tile.launch @rows_addf(%[[X]], %[[A]]) items 1 sizes [8, 8] tied [-1] inplace [0] work <flops 0, bytes 4352> :
// CHECK-NEXT: %[[Z:.*]] = tile.launch @rows_addf(%[[Y]], %[[B]]) items 1 sizes [8, 8] tied [-1] inplace [0] work <{{.*}}> :
// CHECK-NEXT: return %[[Z]]
// CHECK: tile.kernel @rows_addf kind "rows" (%[[P:.*]]: memref<?x64xf32>, %[[Q:.*]]: memref<64xf32>, %[[R:.*]]: memref<?x64xf32>, %[[ROWS:.*]]: index, %[[EACH:.*]]: index, %[[ITEM:.*]]: index) {
// CHECK: %[[FIRST:.*]] = arith.muli %[[ITEM]], %[[EACH]]
// CHECK: %[[AFTER:.*]] = arith.addi %[[FIRST]], %[[EACH]]
// CHECK: %[[LAST:.*]] = arith.minui %[[AFTER]], %[[ROWS]]
// CHECK: scf.for %[[I:.*]] = %[[FIRST]] to %[[LAST]]
// CHECK-NEXT: tile.sweep %[[J:.*]] = %c0 to %c64 {
// CHECK-NEXT: memref.load %[[P]][%[[I]], %[[J]]]
// CHECK-NEXT: memref.load %[[Q]][%[[J]]]
// CHECK-NEXT: %[[SUM:.*]] = arith.addf
// CHECK-NEXT: memref.store %[[SUM]], %[[R]][%[[I]], %[[J]]]
// CHECK-NOT: tile.kernel
func.func @layers(%x: tensor<8x64xf32>, %a: tensor<64xf32>, %b: tensor<64xf32>) -> tensor<8x64xf32> {
  %0 = stc.fused space [8, 64] (%p = %x : tensor<8x64xf32>, %q = %a : tensor<64xf32>) -> (tensor<8x64xf32>) {
    %g = stc.broadcast %q dims [1] : tensor<64xf32> to tensor<8x64xf32>
    %s = arith.addf %p, %g {stc.block = 0} : tensor<8x64xf32>
    stc.yield %s : tensor<8x64xf32>
  }
  %1 = stc.fused space [8, 64] (%p = %0 : tensor<8x64xf32>, %q = %b : tensor<64xf32>) -> (tensor<8x64xf32>) {
    %g = stc.broadcast %q dims [1] : tensor<64xf32> to tensor<8x64xf32>
    %s = arith.addf %p, %g {stc.block = 1} : tensor<8x64xf32>
    stc.yield %s : tensor<8x64xf32>
  }
  return %1 : tensor<8x64xf32>
}

// -----

// Leading dimensions are rows. The sum of a row needs a sweep of its own, and as the second reads each element
// before it writes it, the result may take over the operand.
// CHECK-LABEL: func.func @norm(
// CHECK-NEXT: tile.launch @rows_reduce_divf(%{{.*}}) items 1 sizes [8, 8] tied [-1] inplace [0] work <{{.*}}> :
// CHECK: tile.kernel @rows_reduce_divf
// CHECK: scf.for
// CHECK-NEXT: %[[SUM:.*]] = tile.sweep %{{.*}} = %c0 to %c64 -> (f32) {
// CHECK-NEXT: %[[X:.*]] = memref.load
// CHECK-NEXT: tile.combine sum %[[X]] : f32
// CHECK-NEXT: }
// CHECK-NEXT: tile.sweep %{{.*}} = %c0 to %c64 {
// CHECK: arith.divf %{{.*}}, %[[SUM]] : f32
// CHECK: memref.store
func.func @norm(%x: tensor<2x4x64xf32>) -> tensor<2x4x64xf32> {
  %0 = stc.fused space [2, 4, 64] (%a = %x : tensor<2x4x64xf32>) -> (tensor<2x4x64xf32>) {
    %sum = stc.reduce sum %a dims [2] : tensor<2x4x64xf32> to tensor<2x4xf32>
    %all = stc.broadcast %sum dims [0, 1] : tensor<2x4xf32> to tensor<2x4x64xf32>
    %y = arith.divf %a, %all : tensor<2x4x64xf32>
    stc.yield %y : tensor<2x4x64xf32>
  }
  return %0 : tensor<2x4x64xf32>
}

// -----

// A new value goes where the variable lies that it is written to.
// CHECK-LABEL: func.func @update(
// CHECK: %[[W:.*]] = stc.read @w
// CHECK-NEXT: %[[NEW:.*]] = tile.launch @flat_subf(%{{.*}}, %[[W]]) items 1 sizes [64, 32768] tied [-1] inplace [1] work <{{.*}}> :
// CHECK-NEXT: stc.write @w, %[[NEW]]
// CHECK: tile.kernel @flat_subf kind "rows" (%{{.*}}: memref<?xf32>, %{{.*}}: memref<?xf32>, %{{.*}}: memref<?xf32>,
stc.variable parameter @w : tensor<64xf32>
func.func @update(%g: tensor<64xf32>) {
  %w = stc.read @w : tensor<64xf32>
  %0 = stc.fused space [64] (%a = %g : tensor<64xf32>, %b = %w : tensor<64xf32>) -> (tensor<64xf32>) {
    %d = arith.subf %b, %a : tensor<64xf32>
    stc.yield %d : tensor<64xf32>
  }
  stc.write @w, %0 : tensor<64xf32>
  return
}

// -----

// What is combined over the rows is combined by each item for itself, then by a kernel over the parts.
// CHECK-LABEL: func.func @columns(
// CHECK-NEXT: %[[PARTS:.*]]:2 = tile.launch @rows(%{{.*}}) items 8 sizes [4096, 512] tied [-1, -1] inplace [-1, -1] work <{{.*}}> : (tensor<4096x64xf32>) -> (tensor<512xf32>, tensor<8xf32>)
// CHECK-NEXT: tile.launch @combine_sum(%[[PARTS]]#0) items 1 sizes [8, 64] {{.*}} -> tensor<64xf32>
// CHECK-NEXT: tile.launch @combine_max(%[[PARTS]]#1) items 1 sizes [8, 1] {{.*}} -> tensor<f32>
// CHECK: tile.kernel @rows kind "rows" (%{{.*}}: memref<?x64xf32>, %[[SUMS:.*]]: memref<?xf32>, %[[MAXIMA:.*]]: memref<?xf32>, %{{.*}}: index, %{{.*}}: index, %[[ITEM:.*]]: index) {
// CHECK: %[[OFFSET:.*]] = arith.muli %[[ITEM]], %c64
// CHECK: %[[MAX:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (f64) {
// CHECK: %[[AT:.*]] = arith.addi %[[OFFSET]], %{{.*}}
// CHECK-NEXT: %[[OLD:.*]] = memref.load %[[SUMS]][%[[AT]]]
// CHECK-NEXT: %[[NEW:.*]] = arith.addf %[[OLD]]
// CHECK-NEXT: memref.store %[[NEW]], %[[SUMS]][%[[AT]]]
// CHECK-NEXT: tile.combine max
// CHECK: %[[NARROW:.*]] = arith.truncf %[[MAX]] : f64 to f32
// CHECK-NEXT: memref.store %[[NARROW]], %[[MAXIMA]][%[[ITEM]]]
// CHECK: tile.kernel @combine_sum
// CHECK: tile.kernel @combine_max
func.func @columns(%x: tensor<4096x64xf32>) -> (tensor<64xf32>, tensor<f32>) {
  %0, %1 = stc.fused space [4096, 64] (%a = %x : tensor<4096x64xf32>) -> (tensor<64xf32>, tensor<f32>) {
    %c = stc.reduce sum %a dims [0] : tensor<4096x64xf32> to tensor<64xf32>
    %m = stc.reduce max %a dims [0, 1] : tensor<4096x64xf32> to tensor<f32>
    stc.yield %c, %m : tensor<64xf32>, tensor<f32>
  }
  return %0, %1 : tensor<64xf32>, tensor<f32>
}

// -----

// Long rows are cut into blocks of columns: five for both rows.
// CHECK-LABEL: func.func @blocked(
// CHECK-NEXT: tile.launch @rows_addf(%{{.*}}, %{{.*}}) items 5 sizes [2, 2, 4096] tied [-1] inplace [0] work <{{.*}}> :
// CHECK: tile.kernel @rows_addf {{.*}} %[[BLOCK:.*]]: index, %[[ITEM:.*]]: index) {
// CHECK: %[[BLOCKS:.*]] = arith.divui %{{.*}}, %[[BLOCK]]
// CHECK: %[[NUMBER:.*]] = arith.remui %[[ITEM]], %[[BLOCKS]]
// CHECK: %[[FROM:.*]] = arith.muli %[[NUMBER]], %[[BLOCK]]
// CHECK: %[[TO:.*]] = arith.minui %{{.*}}, %c20000
// CHECK: tile.sweep %{{.*}} = %[[FROM]] to %[[TO]]
func.func @blocked(%x: tensor<2x20000xf32>, %y: tensor<20000xf32>) -> tensor<2x20000xf32> {
  %0 = stc.fused space [2, 20000] (%a = %x : tensor<2x20000xf32>, %b = %y : tensor<20000xf32>) -> (tensor<2x20000xf32>) {
    %c = stc.broadcast %b dims [1] : tensor<20000xf32> to tensor<2x20000xf32>
    %d = arith.addf %a, %c : tensor<2x20000xf32>
    stc.yield %d : tensor<2x20000xf32>
  }
  return %0 : tensor<2x20000xf32>
}

// -----

// The stream of random numbers is a size, so that all dropouts of one shape share a kernel; a scalar has no
// other size.
// CHECK-LABEL: func.func @random(
// CHECK-NEXT: tile.launch @flat_random(%{{.*}}, %{{.*}}) items 1 sizes [512, 32768, 3]
// CHECK-NEXT: tile.launch @flat_random(%{{.*}}, %{{.*}}) items 1 sizes [512, 32768, 4]
// CHECK-NEXT: tile.launch @scalars_random(%{{.*}}, %{{.*}}) items 1 sizes [5]
// CHECK: tile.kernel @flat_random kind "rows" (%[[SEED:.*]]: memref<i64>, %[[STEP:.*]]: memref<i64>, {{.*}} %[[STREAM:.*]]: index, %{{.*}}: index) {
// CHECK: %[[S:.*]] = arith.index_cast %[[STREAM]] : index to i32
// CHECK: %[[KEY:.*]] = memref.load %[[SEED]][]
// CHECK: arith.trunci %[[KEY]] : i64 to i32
// CHECK: tile.sweep
// CHECK: arith.mului_extended
// CHECK: arith.xori %{{.*}}, %[[S]]
// CHECK: tile.kernel @scalars_random kind "rows" (%{{.*}}: memref<i64>, %{{.*}}: memref<i64>, %{{.*}}: memref<f32>, %{{.*}}: index, %{{.*}}: index) {
// CHECK-NOT: tile.kernel
func.func @random(%seed: tensor<i64>, %step: tensor<i64>) -> (tensor<8x64xf32>, tensor<8x64xf32>, tensor<f32>) {
  %0 = stc.fused space [8, 64] (%a = %seed : tensor<i64>, %b = %step : tensor<i64>) -> (tensor<8x64xf32>) {
    %u = stc.random uniform seed %a step %b stream 3 : tensor<8x64xf32>
    stc.yield %u : tensor<8x64xf32>
  }
  %1 = stc.fused space [8, 64] (%a = %seed : tensor<i64>, %b = %step : tensor<i64>) -> (tensor<8x64xf32>) {
    %u = stc.random uniform seed %a step %b stream 4 : tensor<8x64xf32>
    stc.yield %u : tensor<8x64xf32>
  }
  %2 = stc.fused space [] (%a = %seed : tensor<i64>, %b = %step : tensor<i64>) -> (tensor<f32>) {
    %u = stc.random normal seed %a step %b stream 5 : tensor<f32>
    stc.yield %u : tensor<f32>
  }
  return %0, %1, %2 : tensor<8x64xf32>, tensor<8x64xf32>, tensor<f32>
}

// -----

// An i1 is a byte in memory.
// CHECK-LABEL: func.func @mask(
// CHECK-NEXT: tile.launch @rows_cmpf_andi_select(%{{.*}}, %{{.*}}) {{.*}} inplace [-1, 0] work <{{.*}}> : (tensor<8x64xf32>, tensor<64xi1>) -> (tensor<8x64xi1>, tensor<8x64xf32>)
// CHECK: tile.kernel @rows_cmpf_andi_select kind "rows" (%{{.*}}: memref<?x64xf32>, %[[M:.*]]: memref<64xi8>, %[[K:.*]]: memref<?x64xi8>,
// CHECK: %[[BYTE:.*]] = memref.load %[[M]]
// CHECK: %[[BIT:.*]] = arith.cmpi ne, %[[BYTE]], %c0_i8
// CHECK: %[[BOTH:.*]] = arith.andi %[[BIT]], %{{.*}} : i1
// CHECK: %[[OUT:.*]] = arith.extui %[[BOTH]] : i1 to i8
// CHECK-NEXT: memref.store %[[OUT]], %[[K]]
func.func @mask(%x: tensor<8x64xf32>, %m: tensor<64xi1>) -> (tensor<8x64xi1>, tensor<8x64xf32>) {
  %0, %1 = stc.fused space [8, 64] (%a = %x : tensor<8x64xf32>, %b = %m : tensor<64xi1>) -> (tensor<8x64xi1>, tensor<8x64xf32>) {
    %c = stc.broadcast %b dims [1] : tensor<64xi1> to tensor<8x64xi1>
    %p = arith.cmpf ogt, %a, %a : tensor<8x64xf32>
    %k = arith.andi %c, %p : tensor<8x64xi1>
    %s = arith.select %k, %a, %a : tensor<8x64xi1>, tensor<8x64xf32>
    stc.yield %k, %s : tensor<8x64xi1>, tensor<8x64xf32>
  }
  return %0, %1 : tensor<8x64xi1>, tensor<8x64xf32>
}

// -----

// Sums of narrow floats are f32, also between items; what is stored is rounded.
// CHECK-LABEL: func.func @narrow(
// CHECK-NEXT: %[[ALL:.*]]:3 = tile.launch @rows_{{.*}} -> (tensor<8x64xf16>, tensor<8xf16>, tensor<64xf32>)
// CHECK-NEXT: tile.launch @combine_sum(%[[ALL]]#2) {{.*}} : (tensor<64xf32>) -> tensor<64xf16>
// CHECK: tile.kernel @rows_{{.*}} (%{{.*}}: memref<?x64xf32>, %{{.*}}: memref<?x64xf16>, %[[ROW:.*]]: memref<?xf16>, %{{.*}}: memref<?xf32>,
// CHECK: %[[SUM:.*]] = tile.sweep {{.*}} -> (f32) {
// CHECK: %[[T:.*]] = arith.truncf %{{.*}} : f32 to f16
// CHECK: %[[W:.*]] = arith.extf %[[T]] : f16 to f32
// CHECK: tile.combine sum %[[W]] : f32
// CHECK: %[[N:.*]] = arith.truncf %[[SUM]] : f32 to f16
// CHECK: memref.store %[[N]], %[[ROW]]
func.func @narrow(%x: tensor<8x64xf32>) -> (tensor<8x64xf16>, tensor<8xf16>, tensor<64xf16>) {
  %0:3 = stc.fused space [8, 64] (%a = %x : tensor<8x64xf32>) -> (tensor<8x64xf16>, tensor<8xf16>, tensor<64xf16>) {
    %t = arith.truncf %a : tensor<8x64xf32> to tensor<8x64xf16>
    %rows = stc.reduce sum %t dims [1] : tensor<8x64xf16> to tensor<8xf16>
    %columns = stc.reduce sum %t dims [0] : tensor<8x64xf16> to tensor<64xf16>
    stc.yield %t, %rows, %columns : tensor<8x64xf16>, tensor<8xf16>, tensor<64xf16>
  }
  return %0#0, %0#1, %0#2 : tensor<8x64xf16>, tensor<8xf16>, tensor<64xf16>
}

// -----

// An operand that is read in two ways is two buffers.
// CHECK-LABEL: func.func @two_ways(
// CHECK-SAME: %[[V:.*]]: tensor<8xf32>)
// CHECK-NEXT: tile.launch @rows_addf(%[[V]], %[[V]]) {{.*}} inplace [-1] work <{{.*}}> : (tensor<8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
// CHECK: tile.kernel @rows_addf kind "rows" (%{{[^ ]*}}: memref<8xf32>, %{{[^ ]*}}: memref<?xf32>,
func.func @two_ways(%v: tensor<8xf32>) -> tensor<8x8xf32> {
  %0 = stc.fused space [8, 8] (%a = %v : tensor<8xf32>) -> (tensor<8x8xf32>) {
    %r = stc.broadcast %a dims [0] : tensor<8xf32> to tensor<8x8xf32>
    %c = stc.broadcast %a dims [1] : tensor<8xf32> to tensor<8x8xf32>
    %s = arith.addf %r, %c : tensor<8x8xf32>
    stc.yield %s : tensor<8x8xf32>
  }
  return %0 : tensor<8x8xf32>
}

// -----

// An operand that is needed later keeps its memory.
// CHECK-LABEL: func.func @needed_later(
// CHECK-SAME: %[[X:.*]]: tensor<8x8xf32>)
// CHECK-NEXT: tile.launch @flat_exp(%[[X]]) {{.*}} inplace [-1] work <{{.*}}> :
// CHECK-NEXT: stc.matmul %[[X]]
func.func @needed_later(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = stc.fused space [8, 8] (%a = %x : tensor<8x8xf32>) -> (tensor<8x8xf32>) {
    %e = math.exp %a : tensor<8x8xf32>
    stc.yield %e : tensor<8x8xf32>
  }
  %1 = stc.matmul %x, %0 : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}

// -----

// Division of integers has a value for all operands: by zero, and of the least number by -1, the divisor is 1, and by zero
// the result another. A constant that divides all numbers does so as it stands.
// CHECK-LABEL: func.func @divide(
// CHECK: %[[X:.*]] = memref.load %arg0[
// CHECK-NEXT: %[[Y:.*]] = memref.load %arg1[
// CHECK: %[[ZERO:.*]] = arith.cmpi eq, %[[Y]], %c0_i32
// CHECK: %[[LEAST:.*]] = arith.cmpi eq, %[[X]], %c-2147483648_i32
// CHECK: %[[MINUS:.*]] = arith.cmpi eq, %[[Y]], %c-1_i32
// CHECK: %[[OVERFLOWS:.*]] = arith.andi %[[LEAST]], %[[MINUS]]
// CHECK: %[[UNDEFINED:.*]] = arith.ori %[[ZERO]], %[[OVERFLOWS]]
// CHECK: %[[BY:.*]] = arith.select %[[UNDEFINED]], %c1_i32{{.*}}, %[[Y]]
// CHECK: %[[Q:.*]] = arith.divsi %[[X]], %[[BY]]
// CHECK: %[[QUOTIENT:.*]] = arith.select %[[ZERO]], %c-1_i32{{.*}}, %[[Q]]
// CHECK: %[[ZERO2:.*]] = arith.cmpi eq, %[[Y]], %c0_i32
// CHECK: %[[BY2:.*]] = arith.select %[[ZERO2]], %c1_i32{{.*}}, %[[Y]]
// CHECK: %[[R:.*]] = arith.remui %[[X]], %[[BY2]]
// CHECK: %[[REMAINDER:.*]] = arith.select %[[ZERO2]], %[[X]], %[[R]]
// CHECK: %[[SEVENTH:.*]] = arith.divsi %[[X]], %c7_i32
// CHECK: memref.store %[[QUOTIENT]]
// CHECK: memref.store %[[REMAINDER]]
// CHECK: memref.store %[[SEVENTH]]
func.func @divide(%x: tensor<3x21xi32>, %y: tensor<3x21xi32>) -> (tensor<3x21xi32>, tensor<3x21xi32>, tensor<3x21xi32>) {
  %0:3 = stc.fused space [3, 21] (%a = %x : tensor<3x21xi32>, %b = %y : tensor<3x21xi32>) -> (tensor<3x21xi32>, tensor<3x21xi32>, tensor<3x21xi32>) {
    %seven = arith.constant dense<7> : tensor<3x21xi32>
    %q = arith.divsi %a, %b : tensor<3x21xi32>
    %r = arith.remui %a, %b : tensor<3x21xi32>
    %s = arith.divsi %a, %seven : tensor<3x21xi32>
    stc.yield %q, %r, %s : tensor<3x21xi32>, tensor<3x21xi32>, tensor<3x21xi32>
  }
  return %0#0, %0#1, %0#2 : tensor<3x21xi32>, tensor<3x21xi32>, tensor<3x21xi32>
}

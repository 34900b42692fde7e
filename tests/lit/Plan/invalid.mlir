// RUN: stc-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{(C1) expected a size of at least 0, found -1}}
plan.arena -1

// -----

plan.arena 0
// expected-error @+1 {{(C1) expected one arena in the module}}
plan.arena 0

// -----

plan.arena 128
// expected-error @+1 {{(C1) expected 256 bytes inside the arena of 128 bytes, found offset 0}}
plan.variable parameter @w at 0 : tensor<64xf32>

// -----

plan.arena 1024
plan.variable parameter @w at 0 : tensor<64xf32>
// expected-error @+1 {{(C1) expected memory of its own, found bytes of "w"}}
plan.variable parameter @v at 252 : tensor<64xf32>

// -----

// expected-error @+1 {{expected a plan.arena in the module}}
plan.entry @f inputs [] outputs [] peak 0 {}

// -----

plan.arena 128
// expected-error @+1 {{(C1) expected a peak of at most the arena's 128 bytes, found 256}}
plan.entry @f inputs [] outputs [] peak 256 {}

// -----

plan.arena 128
// expected-error @+1 {{(C2) expected "x" before the peak of 128 bytes, found it at 124}}
plan.entry @f inputs ["x" = 124 : tensor<2xf32>] outputs [] peak 128 {}

// -----

plan.arena 128
plan.entry @f inputs [] outputs [] peak 128 {
  // expected-error @+1 {{(C2) expected bytes before the peak of 128, found 64 bytes at 96}}
  plan.copy 0 to 96 bytes 64
}

// -----

plan.arena 128
// expected-error @+1 {{(C3) expected different names, found "x" twice}}
plan.entry @f inputs ["x" = 0 : tensor<f32>, "x" = 4 : tensor<f32>] outputs [] peak 128 {}

// -----

plan.arena 128
// expected-error @+1 {{(C5) expected a bound for each of 1 inputs, found 2}}
plan.entry @f inputs ["x" = 0 : tensor<i32>] below [1, 2] outputs [] peak 128 {}

// -----

plan.arena 128
// expected-error @+1 {{(C5) expected a bound of integers that is not negative, found 3 of 'tensor<f32>'}}
plan.entry @f inputs ["x" = 0 : tensor<f32>] below [3] outputs [] peak 128 {}

// -----

plan.arena 128
plan.entry @f inputs [] outputs [] peak 128 {
  // expected-error @+1 {{(C4) is not a step of an entry}}
  %0 = arith.constant 0 : index
}

// -----

// expected-error @+1 {{(C1) expected a body of one module}}
plan.kernel @k kind "pointwise" scratch 0 {
  %0 = arith.constant 0 : index
}

// -----

plan.arena 128
plan.entry @f inputs [] outputs [] peak 128 {
  // expected-error @+1 {{(C1) expected a kernel named @g}}
  plan.launch @g items 1 sizes [] ()
}

// -----

plan.arena 128
tile.kernel @g kind "pointwise" (%x: memref<?xf32>, %item: index) {
  tile.return
}
plan.entry @f inputs [] outputs [] peak 128 {
  // expected-error @+1 {{(C1) expected 1 buffers and 0 sizes, found 0 and 1}}
  plan.launch @g items 1 sizes [4] ()
}

// -----

plan.arena 128
tile.kernel @g kind "pointwise" (%x: memref<?xf32>, %item: index) {
  tile.return
}
plan.entry @f inputs [] outputs [] peak 128 {
  // expected-error @+1 {{(C1) expected a buffer of 'memref<?xf32>', found 'tensor<4xf64>'}}
  plan.launch @g items 1 sizes [] (0 : tensor<4xf64>)
}

// -----

plan.arena 128
tile.kernel @g kind "pointwise" (%item: index) {
  tile.return
}
plan.entry @f inputs [] outputs [] peak 128 {
  // expected-error @+1 {{(C1) expected at least two launches}}
  plan.batch {
    plan.launch @g items 1 sizes [] ()
  }
}

// -----

plan.arena 128
tile.kernel @g kind "pointwise" (%item: index) {
  tile.return
}
tile.kernel @h kind "pointwise" (%item: index) {
  tile.return
}
plan.entry @f inputs [] outputs [] peak 128 {
  plan.batch {
    plan.launch @g items 1 sizes [] ()
    // expected-error @+1 {{(C1) expected launches of one kernel in a batch}}
    plan.launch @h items 1 sizes [] ()
  }
}

// -----

plan.arena 128
tile.kernel @g kind "pointwise" (%x: memref<?xf32>, %item: index) {
  tile.return
}
plan.entry @f inputs [] outputs [] peak 128 {
  // expected-error @+1 {{(C2) expected bytes before the peak of 128, found 256 bytes at 64}}
  plan.batch {
    plan.launch @g items 1 sizes [] (0 : tensor<4xf32>)
    plan.launch @g items 1 sizes [] (64 : tensor<64xf32>)
  }
}

// -----

plan.arena 128
plan.entry @f inputs [] outputs [] peak 128 {
  // expected-error @+1 {{(C2) expected at least 0 items, found -1}}
  plan.launch @g items -1 sizes [] ()
}

// -----

plan.arena 1024
plan.entry @f inputs [] outputs [] peak 1024 {
  // expected-error @+1 {{(C1) expected element type f64, f32, bf16 or f16, found 'i32'}}
  plan.gemm i32 m 2 n 2 k 2 a <0, row 2, batch 0> b <32, row 2, batch 0> c <64, row 2, batch 0>
}

// -----

plan.arena 1024
plan.entry @f inputs [] outputs [] peak 1024 {
  // expected-error @+1 {{(C2) expected rows of b at least 3 elements apart, found #plan.matrix<32, row 2, batch 0>}}
  plan.gemm f32 m 2 n 2 k 3 a <0, row 3, batch 0> b <32, row 2, batch 0> transpose_b c <64, row 2, batch 0>
}

// -----

plan.arena 1024
plan.entry @f inputs [] outputs [] peak 1024 {
  // expected-error @+1 {{(C3) expected a result that shares no byte with the operands}}
  plan.gemm f32 m 2 n 2 k 2 a <0, row 2, batch 0> b <32, row 2, batch 0> c <12, row 2, batch 0>
}

// -----

plan.arena 1024
plan.entry @f inputs [] outputs [] peak 1024 {
  // expected-error @+1 {{(C1) expected places that share no byte}}
  plan.copy 0 to 60 bytes 64
}

// -----

plan.arena 1024
plan.entry @f inputs [] outputs [] peak 1024 {
  // expected-error @+1 {{(C3) expected sizes that fit #tile.collective<all_gather over "data" of 2 runs 1>}}
  plan.exchange 0 [#tile.collective<all_gather over "data" of 2 runs 1>] from (0 : tensor<4xf32>) to (16 : tensor<4xf32>)
  plan.wait 0
}

// -----

plan.arena 1024
plan.entry @f inputs [] outputs [] peak 1024 {
  // expected-error @+1 {{(C2) expected memory of its own for output 0}}
  plan.exchange 0 [#tile.collective<all_gather over "data" of 2 runs 1>] from (0 : tensor<4xf32>) to (0 : tensor<8xf32>)
  plan.wait 0
}

// -----

plan.arena 1024
plan.entry @f inputs [] outputs [] peak 1024 {
  // expected-error @+1 {{(C6) expected a wait for exchange 0}}
  plan.exchange 0 [#tile.collective<all_gather over "data" of 2 runs 1>] from (0 : tensor<4xf32>) to (16 : tensor<8xf32>)
}

// -----

plan.arena 1024
plan.entry @f inputs [] outputs [] peak 1024 {
  plan.exchange 0 [#tile.collective<all_gather over "data" of 2 runs 1>] from (0 : tensor<4xf32>) to (16 : tensor<8xf32>)
  plan.wait 0
  // expected-error @+1 {{(C1) expected an exchange ahead that nobody waited for, found 0}}
  plan.wait 0
}

// -----

plan.arena 1024
plan.entry @f inputs [] outputs [] peak 1024 {
  plan.exchange 0 [#tile.collective<all_gather over "data" of 2 runs 1>] from (0 : tensor<4xf32>) to (16 : tensor<8xf32>)
  plan.wait 0
  // expected-error @+1 {{(C6) expected a number of its own, found 0}}
  plan.exchange 0 [#tile.collective<all_gather over "data" of 2 runs 1>] from (0 : tensor<4xf32>) to (16 : tensor<8xf32>)
  plan.wait 0
}

// -----

plan.arena 1024
plan.entry @f inputs [] outputs [] peak 1024 {
  // expected-error @+1 {{(C2) expected bytes before the peak of 1024, found 32 bytes at 1008}}
  plan.exchange 0 [#tile.collective<all_gather over "data" of 2 runs 1>] from (0 : tensor<4xf32>) to (1008 : tensor<8xf32>)
  plan.wait 0
}

// -----

// expected-error @+1 {{(C1) expected at least one device, found 0}}
plan.axis @data of 0

// -----

plan.arena 1024
// expected-error @+1 {{(C2) expected dimensions of 'tensor<4xf32>', found {data = 1 : i64}}}
plan.variable parameter @w at 0 : tensor<4xf32> dealt {data = 1}

// -----

plan.arena 1024
// expected-error @+1 {{(C7) expected a dictionary for each of 1 inputs, found 0}}
plan.entry @f inputs ["x" = 0 : tensor<4xf32>] dealt [] outputs [] peak 1024 {
}

// -----

plan.arena 1024
// expected-error @+1 {{(C7) expected dictionaries, found 3 : i64}}
plan.entry @f inputs ["x" = 0 : tensor<4xf32>] dealt [3] outputs [] peak 1024 {
}

// -----

plan.arena 1024
plan.kernel @k kind "pointwise" scratch 0 {
  builtin.module {
  }
}
plan.entry @f inputs [] outputs [] peak 1024 parameters [#tile.parameter<"n" = 64 multiple 1 most 64>] {
  // expected-error @+1 {{(C8) expected a launch with dynamic, of the sizes 64}}
  plan.launch @k items 1 sizes [64] (0 : tensor<64xf32>)
}

// -----

plan.arena 1024
plan.kernel @k kind "pointwise" scratch 0 {
  builtin.module {
  }
}
plan.entry @f inputs [] outputs [] peak 1024 parameters [#tile.parameter<"n" = 64 multiple 1 most 64>] {
  // expected-error @+1 {{(C3) expected a dynamic map that gives 1 items and the bytes of 1 results, found affine_map<()[s0] -> (s0 floordiv 64, s0 * 8)>}}
  plan.launch @k items 1 sizes [64] (0 : tensor<64xf32>) dynamic affine_map<()[n] -> (n floordiv 64, n * 8)>
}

// -----

plan.arena 1024
plan.kernel @k kind "pointwise" scratch 0 {
  builtin.module {
  }
}
plan.entry @f inputs [] outputs [] peak 1024 {
  // expected-error @+1 {{(C3) expected a buffer for each of 2 results, found 1}}
  plan.launch @k items 1 sizes [64] (0 : tensor<64xf32>) dynamic affine_map<()[n] -> (n floordiv 64, n * 8, n)>
}

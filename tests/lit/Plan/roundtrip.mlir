// RUN: stc-opt %s | FileCheck %s

// CHECK: plan.arena 8192
plan.arena 8192
// CHECK: plan.variable parameter @ln_f.weight at 0 : tensor<64xf32>
plan.variable parameter @ln_f.weight at 0 : tensor<64xf32>
// CHECK: plan.variable scratch @cache at 256 : tensor<1x8xbf16>
plan.variable scratch @cache at 256 : tensor<1x8xbf16>

// CHECK-LABEL: plan.entry @double inputs ["x" = 512 : tensor<64xf32>] outputs ["y" = 1024 : tensor<64xf32>, "z" = 0 : tensor<64xf32>] peak 8192 model_flops 384 {
plan.entry @double inputs ["x" = 512 : tensor<64xf32>]
    outputs ["y" = 1024 : tensor<64xf32>, "z" = 0 : tensor<64xf32>] peak 8192 model_flops 384 {
  // CHECK-NEXT: plan.launch @twice items 1 sizes [64] (512 : tensor<64xf32>, 1024 : tensor<64xf32>) work <flops 128, bytes 512>
  plan.launch @twice items 1 sizes [64] (512 : tensor<64xf32>, 1024 : tensor<64xf32>) work <flops 128, bytes 512>
  // CHECK-NEXT: plan.batch {
  // CHECK-NEXT: plan.launch @twice items 1 sizes [64] (512 : tensor<64xf32>, 2048 : tensor<64xf32>)
  // CHECK-NEXT: plan.launch @twice items 1 sizes [64] (512 : tensor<64xf32>, 4096 : tensor<64xf32>)
  // CHECK-NEXT: }
  plan.batch {
    plan.launch @twice items 1 sizes [64] (512 : tensor<64xf32>, 2048 : tensor<64xf32>)
    plan.launch @twice items 1 sizes [64] (512 : tensor<64xf32>, 4096 : tensor<64xf32>)
  }
  // CHECK-NEXT: plan.gemm f32 m 4 n 8 k 2 a <0, row 2, batch 0> b <512, row 2, batch 0> transpose_b c <1024, row 8, batch 0>
  plan.gemm f32 m 4 n 8 k 2 a <0, row 2, batch 0> b <512, row 2, batch 0> transpose_b c <1024, row 8, batch 0>
  // CHECK-NEXT: plan.gemm f64 m 4 n 8 k 2 batch 3 a <0, row 4, batch 8> transpose_a b <512, row 8, batch 16> c <1024, row 8, batch 32>
  plan.gemm f64 m 4 n 8 k 2 batch 3 a <0, row 4, batch 8> transpose_a b <512, row 8, batch 16>
      c <1024, row 8, batch 32>
  // CHECK-NEXT: plan.copy 0 to 1024 bytes 256
  plan.copy 0 to 1024 bytes 256
  // CHECK-NEXT: plan.zero 7936 bytes 256
  plan.zero 7936 bytes 256
}

// CHECK: plan.axis @data of 4
plan.axis @data of 4
// CHECK: plan.variable parameter @part at 384 : tensor<16xf32> dealt {data = 0 : i64}
plan.variable parameter @part at 384 : tensor<16xf32> dealt {data = 0 : i64}
// CHECK: plan.variable rank @rank.data at 448 : tensor<i32>
plan.variable rank @rank.data at 448 : tensor<i32>

// CHECK-LABEL: plan.entry @several inputs ["x" = 512 : tensor<16xf32>] below [0] dealt [{data = 0 : i64}] outputs ["y" = 1024 : tensor<64xf32>] dealt_outputs [{}] peak 8192 {
plan.entry @several inputs ["x" = 512 : tensor<16xf32>] below [0] dealt [{data = 0}] outputs ["y" = 1024 : tensor<64xf32>]
    dealt_outputs [{}] peak 8192 {
  // CHECK-NEXT: plan.exchange 3 [#tile.collective<all_gather over "data" of 4 runs 1>] from (512 : tensor<16xf32>) to (1024 : tensor<64xf32>)
  plan.exchange 3 [#tile.collective<all_gather over "data" of 4 runs 1>] from (512 : tensor<16xf32>)
      to (1024 : tensor<64xf32>)
  // CHECK-NEXT: plan.wait 3
  plan.wait 3
}

// CHECK-LABEL: plan.entry @dynamic inputs ["x" = 512 : tensor<64xf32>] outputs ["y" = 1024 : tensor<64xf32>] peak 8192 parameters [#tile.parameter<"positions" = 4096 multiple 128 most 65536>] {
plan.entry @dynamic inputs ["x" = 512 : tensor<64xf32>] outputs ["y" = 1024 : tensor<64xf32>] peak 8192
    parameters [#tile.parameter<"positions" = 4096 multiple 128 most 65536>] {
  // CHECK-NEXT: plan.launch @twice items 32 sizes [4096] (512 : tensor<64xf32>, 1024 : tensor<64xf32>) dynamic #{{.*}}
  plan.launch @twice items 32 sizes [4096] (512 : tensor<64xf32>, 1024 : tensor<64xf32>)
      dynamic affine_map<()[n] -> (n ceildiv 128, 256)>
}

// CHECK-LABEL: plan.kernel @twice kind "pointwise" scratch 64 {
plan.kernel @twice kind "pointwise" scratch 64 {
  builtin.module {
    llvm.func @twice(%buffers: !llvm.ptr, %sizes: !llvm.ptr, %item: i64, %scratch: !llvm.ptr) {
      llvm.return
    }
  }
}

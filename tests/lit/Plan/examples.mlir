// The examples of the dialect's description.
// RUN: %check-examples %stc_root/dialects/Plan/PlanOps.td %s
// RUN: %check-examples %stc_root/dialects/Plan/Plan.td %s
// RUN: stc-opt %s | stc-opt -o /dev/null

module attributes {
  test.buffer = #plan.buffer<4096 : tensor<128x64xf32>>,
  test.matrix = #plan.matrix<4096, row 64, batch 8192>,
  test.map = #plan.tensor_map<buffer 0, offset 0, bf16, sizes [64, 12288, 8, 4], strides [1024, 128, 12582912],
                              box [64, 128, 1, 1], swizzle 128>,
  test.grid = #plan.grid<threads 384, shared 99328, maps [], early true>
} {
  plan.arena 1048576
  plan.axis @data of 4
  plan.variable parameter @ln_f.weight at 4096 : tensor<512xf32>

  plan.entry @double inputs ["x" = 0 : tensor<64xf32>] outputs ["y" = 256 : tensor<64xf32>] peak 512 {
    plan.launch @twice items 1 sizes [64] (0 : tensor<64xf32>, 256 : tensor<64xf32>)
  }

  plan.entry @steps inputs [] outputs [] peak 1048576 {
    plan.launch @twice items 64 sizes [65536] (0 : tensor<65536xf32>, 262144 : tensor<65536xf32>)
    plan.batch {
      plan.launch @twice items 64 sizes [65536] (0 : tensor<65536xf32>, 262144 : tensor<65536xf32>)
      plan.launch @twice items 1 sizes [64] (524288 : tensor<64xf32>, 524544 : tensor<64xf32>)
    }
    plan.exchange 3 [#tile.collective<all_gather over "data" of 4 runs 1>] from (0 : tensor<16xf32>)
        to (4096 : tensor<64xf32>)
    plan.wait 3
    plan.gemm f32 m 128 n 256 k 64 a <0, row 64, batch 0> b <32768, row 64, batch 0> transpose_b
        c <98304, row 256, batch 0>
    plan.copy 0 to 4096 bytes 1024
    plan.zero 4096 bytes 1024
  }

  plan.kernel @twice kind "rows" scratch 0 {
    builtin.module {
      llvm.func @twice(%buffers: !llvm.ptr, %sizes: !llvm.ptr, %item: i64, %scratch: !llvm.ptr) {
        llvm.return
      }
    }
  }
}

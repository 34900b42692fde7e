// The examples of the dialect's description.
// RUN: %check-examples %stc_root/dialects/Tile/Tile.td %s
// RUN: %check-examples %stc_root/dialects/Tile/TileAttentionOps.td %s
// RUN: %check-examples %stc_root/dialects/Tile/TileExchange.td %s
// RUN: %check-examples %stc_root/dialects/Tile/TileKernelOps.td %s
// RUN: %check-examples %stc_root/dialects/Tile/TileRowOps.td %s
// RUN: stc-opt %s | stc-opt -o /dev/null

module attributes {
  test.work = #tile.work<flops 618475290624, bytes 201326592>,
  test.parameter = #tile.parameter<"positions" = 4096 multiple 128 most 65536>,
  test.wgmma = #tile.wgmma<groups 2, blocks 1, rows 128, stages 2, items 2>,
  test.mma_sync = #tile.mma_sync<warps 4, parts 2, rows 64, scores 32, stages 2, blocks 2>,
  test.collective = #tile.collective<all_gather over "data" of 4 runs 1>
} {
  func.func @launch(%x: tensor<65536xf32>) -> tensor<65536xf32> {
    %y = tile.launch @twice(%x) items 64 sizes [65536] tied [-1] inplace [0] : (tensor<65536xf32>) -> (tensor<65536xf32>)
    return %y : tensor<65536xf32>
  }

  func.func @exchange(%a: tensor<16x64xbf16>, %b: tensor<64xf32>) -> (tensor<64x64xbf16>, tensor<16xf32>) {
    %w:2 = tile.exchange(%a, %b) [#tile.collective<all_gather over "data" of 4 runs 1>,
                                  #tile.collective<reduce_scatter over "data" of 4 runs 1>]
        : (tensor<16x64xbf16>, tensor<64xf32>) -> (tensor<64x64xbf16>, tensor<16xf32>)
    return %w#0, %w#1 : tensor<64x64xbf16>, tensor<16xf32>
  }

  tile.kernel @twice kind "rows" (%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %item: index) {
    %one = memref.load %x[%item] : memref<?xf32>
    %two = arith.addf %one, %one : f32
    memref.store %two, %y[%item] : memref<?xf32>
    tile.return
  }

  tile.kernel @rows kind "rows" (%x: memref<?x512xf32>, %y: memref<?x512xf32>, %row: index) {
    %s = tile.scratch : memref<128x32xf32>
    tile.return
  }

  tile.kernel @sums kind "rows" (%x: memref<?x512xf32>, %y: memref<?x512xf32>, %row: index) {
    %c0 = arith.constant 0 : index
    %c512 = arith.constant 512 : index
    %s = tile.sweep %c = %c0 to %c512 -> (f32) {
      %e = memref.load %x[%row, %c] : memref<?x512xf32>
      memref.store %e, %y[%row, %c] : memref<?x512xf32>
      tile.combine sum %e : f32
    }
    %both:2 = tile.sweep %c = %c0 to %c512 -> (f32, f32) {
      %a = memref.load %x[%row, %c] : memref<?x512xf32>
      %b = memref.load %y[%row, %c] : memref<?x512xf32>
      tile.combine sum %a, max %b : f32, f32
    }
    tile.return
  }

  tile.kernel @product kind "rows" (%lhs: memref<?x256xf32>, %w: memref<512x256xf32>, %y: memref<?x512xf32>, %item: index) {
    %c0 = arith.constant 0 : index
    %c256 = arith.constant 256 : index
    %r = arith.constant 0 : index
    %c = arith.constant 0 : index
    tile.row_product rows %r of 64 columns %c width 16 by %w : memref<512x256xf32> before {
    ^bb0(%row: index, %to: memref<256xbf16>):
      tile.sweep %k = %c0 to %c256 {
        %x = memref.load %lhs[%row, %k] : memref<?x256xf32>
        %narrow = arith.truncf %x : f32 to bf16
        memref.store %narrow, %to[%k] : memref<256xbf16>
        tile.combine
      }
      tile.return
    } after {
    ^bb0(%row: index, %column: index, %sum: f32):
      memref.store %sum, %y[%row, %column] : memref<?x512xf32>
      tile.return
    }
    tile.return
  }

  tile.kernel @attention kind "attention" (%x: memref<1x64x2x8xbf16>, %l: memref<1x2x64xf32>, %o: memref<1x64x2x8xbf16>, %i: index) {
    tile.attention query %x key %x value %x output %o logsumexp %l at [%i, %i, %i, %i, %i] view <1, 0, 1, 1> rows 64 strip 64
        scale 0.5 {
      tile.walk view <1, 0, 1, 1> bounds {
      ^bb0(%r: index, %t: index):
        %lo = arith.constant 0 : index
        %rows = arith.constant 64 : index
        %fullHi = arith.muli %t, %rows : index
        %hi = arith.addi %fullHi, %rows : index
        tile.yield %lo, %lo, %fullHi, %hi : index, index, index, index
      } mask {
      ^bb0(%r: index, %a: index, %b: index):
        %in = arith.cmpi sle, %b, %a : index
        tile.yield %in : i1
      }
      tile.walk view <1, 0, 1, 1> bounds {
      ^bb0(%r: index, %number: index):
        %tile = tile.lookup %number of [0, 1, 3, 7]
        tile.yield %tile, %tile, %tile, %tile : index, index, index, index
      } mask {
      ^bb0(%r: index, %a: index, %b: index):
        %in = arith.cmpi sle, %b, %a : index
        tile.yield %in : i1
      }
    } : memref<1x64x2x8xbf16>, memref<1x64x2x8xbf16>, memref<1x64x2x8xbf16>, memref<1x64x2x8xbf16>, memref<1x2x64xf32>
    tile.return
  }
}

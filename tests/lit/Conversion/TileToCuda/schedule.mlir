// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=always" --schedule-attention --split-input-file | FileCheck %s --check-prefix=SM90
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_90a query-sums=never" --schedule-attention --split-input-file | FileCheck %s --check-prefix=QUERIES
// RUN: stc-opt %s --convert-stc-to-tile="target=sm_80 query-sums=always" --schedule-attention=target=sm_80 --split-input-file | FileCheck %s --check-prefix=SM80

// SM90: tile.attention query
// SM90-SAME: schedule #tile.wgmma<groups 2, blocks 1, rows 128, stages 2>
// SM90: tile.attention_key_grad query
// SM90-SAME: schedule #tile.wgmma<groups 2, blocks 1, rows 128, stages 2, items 2>
// QUERIES: tile.attention query
// QUERIES-SAME: schedule #tile.wgmma<groups 2, blocks 1, rows 128, stages 2>
// QUERIES: tile.attention_key_grad query
// QUERIES-SAME: schedule #tile.wgmma<groups 2, blocks 1, rows 128, stages 3, items 2>
// QUERIES: tile.attention_query_grad query
// QUERIES-SAME: schedule #tile.wgmma<groups 2, blocks 1, rows 64, stages 4, items 2>
// SM80: tile.attention query
// SM80-SAME: schedule #tile.mma_sync<warps 4, parts 2, rows 64, scores 64, stages 2, blocks 2>
// SM80: tile.attention_key_grad query
// SM80-SAME: schedule #tile.mma_sync<warps 4, parts 2, rows 32, scores 32, stages 2, blocks 2>
!x = tensor<3x1024x2x64xbf16>
!l = tensor<3x2x1024xf32>
func.func @narrow(%q: !x, %k: !x, %v: !x, %g: !x) -> (!x, !x, !x) {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(100)"> : !x, !x, !x -> !x, !l
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %g scale 0.125 pattern <"local(100)"> : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// Warpgroups multiply no float32.
// SM90: tile.attention query
// SM90-SAME: schedule #tile.mma_sync<warps 4, parts 1, rows 32, scores 32, stages 2, blocks 2>
// SM90: tile.attention_key_grad query
// SM90-SAME: schedule #tile.mma_sync<warps 4, parts 1, rows 32, scores 16, stages 2, blocks 2>
// QUERIES: tile.attention query
// QUERIES-SAME: schedule #tile.mma_sync<warps 4, parts 1, rows 32, scores 32, stages 2, blocks 2>
// QUERIES: tile.attention_key_grad query
// QUERIES-SAME: schedule #tile.mma_sync<warps 4, parts 1, rows 32, scores 16, stages 2, blocks 2>
// QUERIES: tile.attention_query_grad query
// QUERIES-SAME: schedule #tile.mma_sync<warps 4, parts 1, rows 32, scores 32, stages 2, blocks 2>
// SM80: tile.attention query
// SM80-SAME: schedule #tile.mma_sync<warps 4, parts 1, rows 32, scores 32, stages 2, blocks 2>
// SM80: tile.attention_key_grad query
// SM80-SAME: schedule #tile.mma_sync<warps 4, parts 1, rows 32, scores 16, stages 2, blocks 2>
!x = tensor<3x1024x2x64xf32>
!l = tensor<3x2x1024xf32>
func.func @wide(%q: !x, %k: !x, %v: !x, %g: !x) -> (!x, !x, !x) {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(100)"> : !x, !x, !x -> !x, !l
  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %g scale 0.125 pattern <"local(100)"> : !x, !x, !x, !x, !l, !x -> !x, !x, !x
  return %dq, %dk, %dv : !x, !x, !x
}

// -----

// The copy engine wants rows at multiples of 16 bytes.
// SM90: tile.attention query
// SM90-SAME: schedule #tile.mma_sync<warps 4, parts 2, rows 64, scores 64, stages 2, blocks 2>
// QUERIES: tile.attention query
// QUERIES-SAME: schedule #tile.mma_sync<warps 4, parts 2, rows 64, scores 64, stages 2, blocks 2>
// SM80: tile.attention query
// SM80-SAME: schedule #tile.mma_sync<warps 4, parts 2, rows 64, scores 64, stages 2, blocks 2>
!x = tensor<3x1024x1x20xbf16>
!l = tensor<3x1x1024xf32>
func.func @odd(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(100)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

// -----

// Tiles of a chunk's blocks of 96 positions are no whole warpgroups.
// SM90: tile.attention query
// SM90-SAME: rows 32 strip
// SM90-SAME: schedule #tile.mma_sync<
!x = tensor<1x384x2x64xbf16>
!q = tensor<1x96x2x64xbf16>
!l = tensor<1x2x96xf32>
func.func @chunk(%q: !q, %k: !x, %v: !x, %r: tensor<i32>) -> !q {
  %o, %lse = stc.attention_chunk %q, %k, %v chunk %r of 4 block 96 keys <1, 0, 1> scale 0.125 pattern <"local(100)"> : !q, !x, !x -> !q, !l
  return %o : !q
}

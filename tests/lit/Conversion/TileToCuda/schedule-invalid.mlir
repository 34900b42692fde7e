// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --convert-tile-to-plan --convert-tile-to-cuda --verify-diagnostics
// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --schedule-attention -o %t
// RUN: not stc-opt %t --convert-tile-to-plan --convert-tile-to-cuda=target=sm_80 2>&1 | FileCheck %s --check-prefix=OLDER

// OLDER: error: 'tile.attention' op expected a schedule of single warps on this GPU, found #tile.wgmma<groups 2
!x = tensor<3x1024x2x64xbf16>
!l = tensor<3x2x1024xf32>
func.func @band(%q: !x, %k: !x, %v: !x) -> !x {
  // expected-error @+1 {{expected a schedule, which schedule-attention gives it, found none}}
  %o, %lse = stc.attention %q, %k, %v scale 0.125 pattern <"local(100)"> : !x, !x, !x -> !x, !l
  return %o : !x
}

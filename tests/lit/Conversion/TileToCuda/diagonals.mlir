// Walks whose masks differ in constants alone share their code: a distance stands in the bounds of its walk and once
// among what a tile brings along, not once for each score. Bounds of many walks are found where they are needed.
// RUN: stc-opt %s --convert-stc-to-tile=target=sm_90a --convert-tile-to-plan --schedule-attention --convert-tile-to-cuda > %t
// RUN: FileCheck %s < %t
// RUN: grep -c 'arith.constant -*700 ' %t | FileCheck %s --check-prefix=COUNT
// CHECK: "mov.b32 $0, $1;"
// COUNT: {{^[1-9][0-9]?$}}
!x = tensor<1x4096x1x64xbf16>
!l = tensor<1x1x4096xf32>
func.func @diagonals(%q: !x, %k: !x, %v: !x) -> !x {
  %o, %lse = stc.attention %q, %k, %v scale 0.125
      pattern <"local(16) | { [i] -> [j] : i - j = 300 or i - j = 700 or i - j = 1300 or i - j = 2600 }"> : !x, !x, !x -> !x, !l
  return %o : !x
}

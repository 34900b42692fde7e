// RUN: stc-opt %s --schedule-attention --split-input-file --verify-diagnostics

!x = memref<2x128x2x64xbf16>
!d = memref<2x?x2x64xbf16, strided<[16384, 128, 64, 1]>>
tile.kernel @sum kind "attention" (%x: !x, %l: memref<2x2x128xf32>, %n: index, %item: index) {
  %one = arith.constant 1 : index
  %more = arith.addi %n, %one : index
  %d = memref.reinterpret_cast %x to offset: [0], sizes: [2, %more, 2, 64], strides: [16384, 128, 64, 1] : !x to !d
  // expected-error @+1 {{expected dynamic sizes and strides that are products of the kernel's sizes, found others in a buffer of 'memref<2x?x2x64xbf16, strided<[16384, 128, 64, 1]>>'}}
  tile.attention query %d key %d value %d output %d logsumexp %l at [%item, %item, %item, %item, %item] view <1, 0, 1, 1> rows 64 strip 64 scale 1.0 {
  } : !d, !d, !d, !d, memref<2x2x128xf32>
  tile.return
}

// -----

!x = memref<2x128x2x64xbf16>
!d = memref<2x?x2x64xbf16, strided<[16384, 128, 64, 1]>>
tile.kernel @item kind "attention" (%x: !x, %l: memref<2x2x128xf32>, %n: index, %item: index) {
  %d = memref.reinterpret_cast %x to offset: [0], sizes: [2, %item, 2, 64], strides: [16384, 128, 64, 1] : !x to !d
  // expected-error @+1 {{expected dynamic sizes and strides that are products of the kernel's sizes}}
  tile.attention query %d key %d value %d output %d logsumexp %l at [%item, %item, %item, %item, %item] view <1, 0, 1, 1> rows 64 strip 64 scale 1.0 {
  } : !d, !d, !d, !d, memref<2x2x128xf32>
  tile.return
}

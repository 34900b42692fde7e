// RUN: stc-opt %s --convert-tile-to-cuda --split-input-file --verify-diagnostics

// expected-error @below {{expected what a sweep writes to be read at the same columns on this GPU, found a buffer of 'memref<64xf32>' with others}}
tile.kernel @shifted kind "rows" (%x: memref<64xf32>, %item: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  tile.sweep %c = %c0 to %c32 {
    %next = arith.addi %c, %c1 : index
    %e = memref.load %x[%next] : memref<64xf32>
    memref.store %e, %x[%c] : memref<64xf32>
    tile.combine
  }
  tile.return
}

// -----

tile.kernel @scratch kind "rows" (%x: memref<64xf32>, %item: index) {
  // expected-error @below {{does not run on this GPU}}
  %s = tile.scratch : memref<64xf32>
  tile.return
}

// -----

// A kernel of the host.
// expected-error @below {{expected a grid, which each kernel of a GPU has, found none}}
plan.kernel @twice kind "rows" scratch 64 {
  builtin.module {
  }
}

// RUN: stc-opt %s --convert-tile-to-host --split-input-file --verify-diagnostics

// expected-error @+1 {{expected buffers whose sizes but the first are static, found 'memref<?x?xf32>'}}
tile.kernel @k kind "pointwise" (%x: memref<?x?xf32>, %item: index) {
  tile.return
}

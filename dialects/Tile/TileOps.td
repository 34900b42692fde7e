//===- TileOps.td - all ops of the tile dialect -------------*- tablegen -*-===//
include "dialects/Tile/TileAttentionOps.td"
include "dialects/Tile/TileExchange.td"
include "dialects/Tile/TileKernelOps.td"
include "dialects/Tile/TileRowOps.td"

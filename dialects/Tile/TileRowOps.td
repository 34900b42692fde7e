//===- TileRowOps.td - elementwise work over rows -----------*- tablegen -*-===//
#ifndef STC_DIALECTS_TILE_ROW_OPS_TD
#define STC_DIALECTS_TILE_ROW_OPS_TD

include "dialects/Tile/Tile.td"

#endif

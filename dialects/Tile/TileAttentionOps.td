//===- TileAttentionOps.td - attention over tiles -----------*- tablegen -*-===//
#ifndef STC_DIALECTS_TILE_ATTENTION_OPS_TD
#define STC_DIALECTS_TILE_ATTENTION_OPS_TD

include "dialects/Tile/Tile.td"

#endif

//===- Tiles.cpp - the tiles of each target, for explanations -------------===//
#include "compiler/Explain/Tiles.h"

#include "compiler/Schedule/MmaSyncSchedule.h"
#include "compiler/Schedule/WgmmaSchedule.h"

namespace stc {

static TileSize hostTile(const pattern::Walk &walk, int64_t n, const HostVectors &vectors) {
  RegisterTile tile = vectors.tile(chooseSchedule(walk, n, vectors).strip);
  return {tile.strip(), tile.rows};
}

static TileSize wgmmaTile(const pattern::Walk &walk, int64_t n) {
  WgmmaShape shape{.queryRows = chooseQueryTiles(walk, n).rows, .keyWidths = {}};
  for (const pattern::Segment &segment : walk.segments)
    shape.keyWidths.push_back(segment.key.width);
  auto schedule = chooseWgmmaSchedule(shape);
  return {shape.queryRows, schedule ? schedule->keyRows : shape.queryRows};
}

static TileSize mmaSyncTile(const pattern::Walk &walk, int64_t n) {
  MmaSyncShape shape;
  shape.rows = chooseQueryTiles(walk, n, mmaSyncMostQueries(shape)).rows;
  return {shape.rows, chooseMmaSyncSchedule(shape).keyRows};
}

tl::expected<TileChooser, std::string> tilesOf(std::string_view target,
                                               const HostVectors &vectors) {
  if (target == "host")
    return [vectors](const pattern::Walk &walk, int64_t n) { return hostTile(walk, n, vectors); };
  if (target == "sm_80")
    return mmaSyncTile;
  if (target == "sm_90a")
    return wgmmaTile;
  return tl::unexpected("expected the target host, sm_80 or sm_90a, found '" + std::string(target) +
                        "'");
}

} // namespace stc

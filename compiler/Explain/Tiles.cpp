//===- Tiles.cpp - the tiles of each target, for explanations -------------===//
#include "compiler/Explain/Tiles.h"

#include "compiler/Schedule/AmpereSchedule.h"
#include "compiler/Schedule/HopperSchedule.h"

namespace stc {

static TileSize hostTile(const pattern::Walk &walk, int64_t n, const HostVectors &vectors) {
  RegisterTile tile = vectors.tile(chooseSchedule(walk, n, vectors).strip);
  return {tile.strip(), tile.rows};
}

static TileSize hopperTile(const pattern::Walk &walk, int64_t n) {
  HopperShape shape{.queryRows = chooseHopperTiles(walk, n).rows, .keyWidths = {}};
  for (const pattern::Segment &segment : walk.segments)
    shape.keyWidths.push_back(segment.key.width);
  auto schedule = chooseHopperSchedule(shape);
  return {shape.queryRows, schedule ? schedule->keyRows : shape.queryRows};
}

static TileSize ampereTile(const pattern::Walk &walk, int64_t n) {
  AmpereShape shape;
  shape.rows = chooseHopperTiles(walk, n, ampereMostQueries(shape)).rows;
  return {shape.rows, chooseAmpereSchedule(shape).keyRows};
}

tl::expected<TileChooser, std::string> tilesOf(std::string_view target,
                                               const HostVectors &vectors) {
  if (target == "host")
    return [vectors](const pattern::Walk &walk, int64_t n) { return hostTile(walk, n, vectors); };
  if (target == "sm_80")
    return ampereTile;
  if (target == "sm_90a")
    return hopperTile;
  return tl::unexpected("expected the target host, sm_80 or sm_90a, found '" + std::string(target) +
                        "'");
}

} // namespace stc

//===- Report.cpp - what stc-compile tells a person -----------------------===//

#include "tools/stc-compile/Report.h"

#include "compiler/Schedule/AmpereSchedule.h"
#include "compiler/Schedule/HopperSchedule.h"
#include "compiler/Schedule/HostSchedule.h"
#include "dialects/Plan/Plan.h"
#include "dialects/Stc/Stc.h"
#include "dialects/Tile/Tile.h"
#include "runtime/Support/Units.h"

#include <llvm/ADT/SetVector.h>
#include <llvm/Support/FormatVariadic.h>

using namespace mlir;
using namespace stc;

namespace {
struct Used {
  std::string text;
  int64_t positions;

  bool operator==(const Used &) const = default;
};

/// The different patterns of a module, with their numbers of positions, in order.
std::vector<Used> patternsOf(ModuleOp module) {
  std::vector<Used> all;
  auto add = [&](PatternAttr pattern, int64_t heads, int64_t positions) {
    for (std::string &text : pattern.inTurn(heads))
      if (Used used{std::move(text), positions}; !llvm::is_contained(all, used))
        all.push_back(std::move(used));
  };
  module->walk([&](Operation *op) {
    if (auto pattern = op->getAttrOfType<PatternAttr>("pattern")) {
      auto given = op->getAttrOfType<LayoutAttr>("layout");
      Layout layout = given ? given.getValue() : Layout();
      AttentionShape query(op->getOperand(0), layout), key(op->getOperand(1), layout);
      add(pattern, query.heads, key.positions);
    }
    for (Type type : op->getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        if (auto pattern = dyn_cast_or_null<PatternAttr>(tensor.getEncoding()))
          add(pattern, tensor.getShape()[1], tensor.getShape().back());
  });
  return all;
}
} // namespace

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

std::string stc::explainPatterns(const Input &input, const CompileOptions &options) {
  const HostVectors vectors = options.target.vectors();
  auto tiles = [&](const pattern::Walk &walk, int64_t n) {
    return options.device == "host"    ? hostTile(walk, n, vectors)
           : options.device == "sm_80" ? ampereTile(walk, n)
                                       : hopperTile(walk, n);
  };
  if (input.spec)
    return explainModel(*input.spec, tiles);
  std::string text;
  for (const Used &used : patternsOf(*input.module))
    if (auto pattern = pattern::Pattern::parse(used.text, used.positions))
      text += explainPattern(*pattern, tiles) + "\n";
  return text;
}

std::string stc::explainMemory(ModuleOp planned) {
  std::string text = "planned memory\n";
  for (auto entry : planned.getOps<plan::EntryOp>())
    text +=
        llvm::formatv("  {0,-16} {1}\n", entry.getSymName(), runtime::formatBytes(entry.getPeak()));
  return text;
}

tl::expected<std::string, std::string> stc::picture(const Input &input,
                                                    const std::optional<SeenFrom> &from) {
  auto message = [](const pattern::ParseError &error) { return error.message; };
  if (input.spec)
    return pictureModel(*input.spec, from).map_error(message);
  std::vector<Used> patterns = patternsOf(*input.module);
  if (patterns.size() != 1)
    return tl::unexpected("expected one pattern to draw, found " + std::to_string(patterns.size()));
  return picturePattern(patterns[0].text, patterns[0].positions, from).map_error(message);
}

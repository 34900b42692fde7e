//===- Report.cpp - what stc-compile tells a person -----------------------===//

#include "tools/stc-compile/Report.h"

#include "compiler/Explain/Tiles.h"
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

std::string stc::explainPatterns(const Input &input, const CompileOptions &options) {
  const TileChooser tiles = tilesOf(options.target, options.cpu.vectors()).value();
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

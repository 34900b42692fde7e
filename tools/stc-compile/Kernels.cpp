//===- Kernels.cpp - how a module's GPU kernels are laid out --------------===//

#include "tools/stc-compile/Kernels.h"

#include "compiler/Conversion/StcToTile/AttentionToTile.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"
#include "dialects/Plan/Plan.h"

using namespace mlir;
using namespace stc;

namespace {
pattern::View viewOf(tile::ViewAttr view) {
  return {view.getPeriod(), view.getFirst(), view.getWidth(), view.getResidues()};
}

/// How many of n positions a view has.
int64_t positionsOf(const pattern::View &view, int64_t n) {
  int64_t sum = 0;
  for (int64_t residue = 0; residue < view.residues; ++residue)
    sum += view.rows(n, residue);
  return sum;
}

/// What the tiles of a kernel meet of its pattern, in one head of one sequence; whether all pairs
/// could be counted.
std::pair<HopperTiles, bool> countTiles(const pattern::Pattern &pattern, bool byQueries,
                                        const LaunchedKernel::Tiles &tiles) {
  const int64_t n = pattern.size();
  HopperTiles counts;
  counts.queryRows = byQueries ? tiles.rows : tiles.otherRows;
  counts.keyRows = byQueries ? tiles.otherRows : tiles.rows;
  counts.items = tiles.view.residues * llvm::divideCeil(tiles.view.maxRows(n), tiles.rows);
  counts.resumes = tiles.resumes;
  int64_t met = 0;
  bool isCounted = true;
  for (const pattern::Walk &walk : pattern.walks())
    for (const pattern::Segment &segment : walk.segments) {
      if ((byQueries ? segment.query : segment.key) != tiles.view)
        continue;
      pattern::Walk alone{segment.query, {segment}};
      pattern::TileCount visited = pattern::countTiles(alone, n, counts.queryRows, counts.keyRows);
      std::optional<int64_t> pairs = pattern::countPairs(alone);
      counts.tiles += visited.full + visited.partial;
      counts.pairs += pairs.value_or(0);
      isCounted &= pairs.has_value();
      met += positionsOf(byQueries ? segment.key : segment.query, n);
    }
  int64_t own = positionsOf(tiles.view, n);
  met = std::min(met, n); // parts may have keys in common
  counts.queries = byQueries ? own : met;
  counts.keys = byQueries ? met : own;
  return {counts, isCounted};
}

/// A kernel by tiles of queries, or of keys.
template <typename Op, typename Schedule>
LaunchedKernel readTiles(Op op, const Schedule &schedule, StringRef text, int64_t items) {
  constexpr bool byQueries = std::is_same_v<Op, tile::AttentionOp>;
  LaunchedKernel::Tiles tiles;
  tiles.own = byQueries ? "queries" : "keys";
  tiles.other = byQueries ? "keys" : "queries";
  tiles.rows = op.getRows();
  if constexpr (byQueries)
    tiles.otherRows = schedule.keyRows;
  else
    tiles.otherRows = schedule.queryRows;
  tiles.view = viewOf(op.getView());
  for (tile::WalkOp walk : op.getWalkOps())
    tiles.otherViews.push_back(viewOf(walk.getView()));
  tiles.items = items;
  tiles.groups = schedule.groups;
  tiles.stages = schedule.stages;
  tiles.resumes = op.getResume();
  auto pattern = pattern::Pattern::parse(text.str(), op.getPositions());
  auto [counts, isCounted] = countTiles(*pattern, byQueries, tiles);
  tiles.isCounted = isCounted;
  counts.querySize = op.getQuerySize();
  counts.valueSize = op.getValueSize();
  counts.attentions = items / counts.items;
  LaunchedKernel kernel;
  kernel.work = byQueries ? forwardWork(counts) : keyGradWork(counts);
  kernel.tiles = std::move(tiles);
  return kernel;
}

LaunchedKernel readKernel(tile::KernelOp kernel, int64_t items) {
  StringRef pattern;
  if (auto text = kernel->getAttrOfType<StringAttr>(kPatternOfKernel))
    pattern = text;
  LaunchedKernel result;
  for (Operation &op : kernel.getBody().front()) {
    if (auto forward = dyn_cast<tile::AttentionOp>(op)) {
      if (auto schedule = hopperSchedule(forward))
        result = readTiles(forward, *schedule, pattern, items);
    } else if (auto grad = dyn_cast<tile::AttentionKeyGradOp>(op)) {
      if (auto schedule = hopperSchedule(grad))
        result = readTiles(grad, *schedule, pattern, items);
    } else if (auto delta = dyn_cast<tile::AttentionDeltaOp>(op)) {
      result.work = deltaWork(delta.getDelta().getType().getNumElements(),
                              delta.getQuerySum().getType().getDimSize(3),
                              delta.getOutput().getType().getDimSize(3));
    } else if (auto grad = dyn_cast<tile::AttentionQueryGradOp>(op)) {
      auto type = grad.getQuerySum().getType();
      result.work = queryGradWork(type.getNumElements() / type.getDimSize(3), type.getDimSize(3));
    }
  }
  result.name = kernel.getSymName();
  return result;
}
} // namespace

llvm::StringMap<LaunchedKernel> stc::readKernels(ModuleOp planned) {
  llvm::StringMap<LaunchedKernel> kernels;
  planned->walk([&](plan::LaunchOp launch) {
    auto kernel = planned.lookupSymbol<tile::KernelOp>(launch.getKernelAttr());
    if (!kernels.contains(launch.getKernel()))
      kernels[launch.getKernel()] = readKernel(kernel, launch.getItems());
  });
  return kernels;
}

std::string stc::explainKernels(ModuleOp lowered, llvm::StringMap<LaunchedKernel> kernels) {
  for (auto kernel : lowered.getOps<plan::KernelOp>())
    if (auto grid = kernel.getGrid()) {
      LaunchedKernel &known = kernels[kernel.getSymName()];
      known.threads = grid->getThreads();
      known.sharedBytes = grid->getShared();
    }
  std::string text;
  for (auto entry : lowered.getOps<plan::EntryOp>()) {
    std::vector<LaunchedKernel> launched;
    for (auto launch : entry.getBody().getOps<plan::LaunchOp>())
      launched.push_back(kernels.at(launch.getKernel()));
    text += explainSchedule(entry.getSymName().str(), launched) + "\n";
  }
  return text;
}

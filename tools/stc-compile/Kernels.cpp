//===- Kernels.cpp - how a module's GPU kernels are laid out --------------===//

#include "tools/stc-compile/Kernels.h"

#include "compiler/Conversion/StcToTile/AttentionToTile.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"
#include "dialects/Plan/Plan.h"

#include <llvm/ADT/TypeSwitch.h>

using namespace mlir;
using namespace stc;

namespace {
pattern::View viewOf(tile::ViewAttr view) {
  return {view.getPeriod(),   view.getFirst(),    view.getWidth(),
          view.getResidues(), view.getTogether(), view.getRowsEach()};
}

/// Whether a view is one residue of another, which the heads of one pattern have of a kernel for
/// several.
bool isResidueOf(const pattern::View &one, const pattern::View &all) {
  pattern::View first = all;
  first.residues = 1;
  first.first = one.first;
  const int64_t behind = one.first - all.first;
  return one == first && behind >= 0 && behind % all.width == 0 &&
         behind / all.width < all.residues;
}

/// Adds what the tiles of a kernel meet of a pattern, in one head of one sequence; whether all
/// pairs could be counted.
bool countTiles(HopperTiles &counts, const pattern::Pattern &pattern, bool byQueries,
                const LaunchedKernel::Tiles &tiles) {
  const int64_t n = pattern.size();
  int64_t positions = 0, met = 0;
  bool isCounted = true;
  for (const pattern::Walk &walk : pattern.walks())
    for (const pattern::Segment &segment : walk.segments) {
      const auto &[own, other] =
          byQueries ? std::tie(segment.query, segment.key) : std::tie(segment.key, segment.query);
      const bool isOwn = own == tiles.view || isResidueOf(own, tiles.view);
      const bool isPacked = !isOwn && own.packed(n, kWgmmaPackedRows) == tiles.view;
      if (!isOwn && !isPacked)
        continue;
      pattern::Walk alone{segment.query, {segment}};
      pattern::TileCount visited = pattern::countTiles(alone, n, counts.queryRows, counts.keyRows);
      std::optional<int64_t> pairs = pattern::countPairs(alone);
      // Short residues side by side meet all of the same.
      counts.tiles +=
          isPacked ? tiles.view.residues * llvm::divideCeil(tiles.view.maxRows(n), tiles.otherRows)
                   : visited.full + visited.partial;
      counts.pairs += pairs.value_or(0);
      isCounted &= pairs.has_value();
      positions = isPacked ? tiles.view.positions(n) : own.positions(n);
      met += other.positions(n);
    }
  met = std::min(met, n); // parts may have keys in common
  counts.queries += byQueries ? positions : met;
  counts.keys += byQueries ? met : positions;
  return isCounted;
}

/// Work by the model of costs, which knows warpgroups and elements of 16 bits alone.
template <typename Op>
HopperWork modelOf(Op op, ArrayRef<pattern::Pattern> patterns, bool byQueries,
                   LaunchedKernel::Tiles &tiles) {
  HopperTiles counts;
  counts.queryRows = byQueries ? tiles.rows : tiles.otherRows;
  counts.keyRows = byQueries ? tiles.otherRows : tiles.rows;
  counts.resumes = tiles.resumes;
  tiles.isCounted = true;
  for (const pattern::Pattern &pattern : patterns)
    tiles.isCounted &= countTiles(counts, pattern, byQueries, tiles);
  counts.querySize = op.getQuerySize();
  counts.valueSize = op.getValueSize();
  counts.group = op.getGroup();
  counts.items = tiles.items;
  // A head that takes one of several patterns has one residue.
  const int64_t classes = patterns.size(), residues = classes > 1 ? 1 : tiles.view.residues;
  int64_t tilesOfHead =
      residues * llvm::divideCeil(tiles.view.maxRows(op.getQueries()), tiles.rows);
  counts.attentions = tiles.items / tilesOfHead / classes;
  if constexpr (std::is_same_v<Op, tile::AttentionOp>) {
    return forwardWork(counts);
  } else if constexpr (std::is_same_v<Op, tile::AttentionQueryGradOp>) {
    return queryGradWork(counts);
  } else {
    // An item meets the queries of all heads that read its keys.
    if (counts.group > 1)
      counts.attentions *= llvm::divideCeil(counts.group, op.getHeadStep());
    counts.sumsQueries = bool(op.getQuerySum());
    counts.beginsSums = op.getBegin();
    return keyGradWork(counts);
  }
}

/// A kernel by tiles of queries, or of keys.
template <typename Op>
void readTiles(LaunchedKernel &kernel, Op op, ArrayAttr texts, int64_t items) {
  constexpr bool byQueries = !std::is_same_v<Op, tile::AttentionKeyGradOp>;
  if (!texts || !op.getScheduleAttr())
    return;
  SmallVector<pattern::Pattern> patterns;
  for (StringAttr text : texts.getAsRange<StringAttr>()) {
    auto pattern = pattern::Pattern::parse(text.str(), op.getQueries());
    if (!pattern)
      return;
    patterns.push_back(*pattern);
  }
  LaunchedKernel::Tiles &tiles = kernel.tiles.emplace();
  tiles.own = byQueries ? "queries" : "keys";
  tiles.other = byQueries ? "keys" : "queries";
  tiles.rows = op.getRows();
  tiles.view = viewOf(op.getView());
  for (tile::WalkOp walk : op.getWalkOps())
    tiles.otherViews.push_back(viewOf(walk.getView()));
  tiles.items = items;
  tiles.resumes = op.getResume();
  kernel.elementBytes = op.getQuery().getType().getElementTypeBitWidth() / 8;
  auto read = [&](const auto &schedule) {
    if constexpr (byQueries)
      tiles.otherRows = schedule.keyRows;
    else
      tiles.otherRows = schedule.queryRows;
    tiles.stages = schedule.stages;
  };
  if (auto schedule = wgmmaSchedule(op)) {
    read(*schedule);
    tiles.groups = schedule->groups;
    kernel.modelled = modelOf(op, patterns, byQueries, tiles);
    return;
  }
  auto schedule = mmaSyncSchedule(op);
  read(schedule);
  tiles.warps = schedule.warps;
  tiles.warpRows = 16 * schedule.parts;
}

int64_t sizeOf(Value buffer) {
  return buffer ? cast<MemRefType>(buffer.getType()).getDimSize(3) : 0;
}

LaunchedKernel readKernel(tile::KernelOp kernel, plan::LaunchOp launch, bool isHopper) {
  auto patterns = kernel->getAttrOfType<ArrayAttr>(kPatternsOfKernel);
  LaunchedKernel result;
  result.name = kernel.getSymName();
  if (tile::WorkAttr work = launch.getWorkAttr(); work && kernel.getKind() == "attention")
    result.work = {work.getFlops(), work.getBytes()};
  auto isModelled = [&](Value buffer) {
    return isHopper && cast<MemRefType>(buffer.getType()).getElementTypeBitWidth() == 16;
  };
  for (Operation &op : kernel.getBody().front())
    TypeSwitch<Operation *>(&op)
        .Case<tile::AttentionOp, tile::AttentionKeyGradOp, tile::AttentionQueryGradOp>(
            [&](auto tiled) { readTiles(result, tiled, patterns, launch.getItems()); })
        .Case([&](tile::AttentionDeltaOp delta) {
          if (isModelled(delta.getOutput()))
            result.modelled = deltaWork(delta.getDelta().getType().getNumElements(),
                                        sizeOf(delta.getOutput()), sizeOf(delta.getQuerySum()));
        })
        .Case([&](tile::AttentionQuerySumOp sum) {
          int64_t size = sizeOf(sum.getQueryGrad());
          if (isModelled(sum.getQueryGrad()))
            result.modelled =
                querySumWork(sum.getQueryGrad().getType().getNumElements() / size, size);
        });
  return result;
}
} // namespace

llvm::StringMap<LaunchedKernel> stc::readKernels(ModuleOp planned, StringRef device) {
  llvm::StringMap<LaunchedKernel> kernels;
  planned->walk([&](plan::LaunchOp launch) {
    auto kernel = planned.lookupSymbol<tile::KernelOp>(launch.getKernelAttr());
    if (!kernels.contains(launch.getKernel()))
      kernels[launch.getKernel()] = readKernel(kernel, launch, device == "sm_90a");
  });
  return kernels;
}

std::string stc::explainKernels(ModuleOp lowered, StringRef device,
                                llvm::StringMap<LaunchedKernel> kernels) {
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
    text += explainSchedule(entry.getSymName().str(), launched,
                            device == "sm_90a" ? h100Peaks : a100Peaks) +
            "\n";
  }
  return text;
}

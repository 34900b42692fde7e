//===- Exchanges.cpp - the collectives of a planned entry -----------------===//

#include "tools/stc-compile/Exchanges.h"

#include "compiler/Pattern/Chunks.h"
#include "dialects/Stc/Stc.h"
#include "runtime/Program/Exchanged.h"
#include "runtime/Support/Units.h"

#include <llvm/ADT/MapVector.h>
#include <llvm/ADT/SetVector.h>
#include <llvm/Support/FormatVariadic.h>

using namespace mlir;
using namespace stc;

static uint64_t bytesOf(plan::BufferAttr buffer) {
  return buffer.getType().getNumElements() *
         llvm::divideCeil(buffer.getType().getElementTypeBitWidth(), 8);
}

void stc::eachCollective(plan::ExchangeOp exchange,
                         function_ref<void(tile::CollectiveAttr, uint64_t)> body) {
  for (auto [collective, input, output] :
       llvm::zip_equal(exchange.getCollectives().getAsRange<tile::CollectiveAttr>(),
                       exchange.getInputs().getAsRange<plan::BufferAttr>(),
                       exchange.getOutputs().getAsRange<plan::BufferAttr>())) {
    const tile::CollectiveKind kind = collective.getKind();
    const uint64_t devices = collective.getCount();
    uint64_t part = std::min(bytesOf(input), bytesOf(output));
    if (kind == tile::CollectiveKind::AllToAll)
      part /= devices;
    body(collective,
         runtime::receivedBytes(static_cast<program::CollectiveKind>(kind), devices, part));
  }
}

std::string stc::explainExchanges(ModuleOp planned) {
  std::string text;
  for (auto entry : planned.getOps<plan::EntryOp>()) {
    llvm::MapVector<std::pair<StringRef, tile::CollectiveKind>, runtime::ExchangeSum> sums;
    for (auto exchange : entry.getBody().getOps<plan::ExchangeOp>())
      eachCollective(exchange, [&](tile::CollectiveAttr collective, uint64_t received) {
        runtime::ExchangeSum &sum = sums[{collective.getAxis().getValue(), collective.getKind()}];
        ++sum.collectives;
        sum.bytes += received;
      });
    for (const auto &[what, sum] : sums)
      text += llvm::formatv("  {0,-16} {1,-16} along {2,-8} {3,6} times, {4} from others\n",
                            entry.getSymName(), tile::stringifyCollectiveKind(what.second),
                            what.first, sum.collectives, runtime::formatBytes(sum.bytes));
  }
  return text.empty() ? text : "exchange, of each device\n" + text;
}

/// Pairs of the device that has the most over those of the mean, all heads together.
static std::optional<double> busiestOverMean(AttentionChunkOp op) {
  const int64_t queries = AttentionShape(op.getQuery(), op.getLayout()).positions,
                heads = AttentionShape(op.getQuery(), op.getLayout()).heads, count = op.getCount();
  double mean = 0, busiest = 0;
  auto add = [&](PatternAttr patterns, auto pairsOf) {
    for (const std::string &text : patterns.inTurn(heads))
      if (!pairsOf(text))
        return false;
    return true;
  };
  auto ofOthers = [&](const std::string &text) {
    auto pattern = pattern::Pattern::parse(text, queries * count);
    auto chunks = pattern ? pattern::inChunks(*pattern, count, op.getBlock()) : std::nullopt;
    if (!chunks)
      return false;
    mean += double(chunks->pairs) / count, busiest += double(chunks->busiest);
    return true;
  };
  auto ofOwn = [&](const std::string &text) {
    auto pattern = pattern::Pattern::parse(text, queries);
    auto pairs = pattern ? pattern->countPairs() : std::nullopt;
    if (pairs)
      mean += double(*pairs), busiest += double(*pairs);
    return pairs.has_value();
  };
  if (!add(op.getPattern(), ofOthers))
    return std::nullopt;
  if (op.getFromOutput())
    if (auto own = op.getFromOutput().getDefiningOp<AttentionOp>();
        own && !add(own.getPattern(), ofOwn))
      return std::nullopt;
  return mean > 0 ? std::optional(busiest / mean) : std::nullopt;
}

std::string stc::explainRows(ModuleOp dealt) {
  llvm::SetVector<std::tuple<Attribute, Attribute, uint64_t, uint64_t>> seen;
  std::string text;
  dealt.walk([&](AttentionChunkOp op) {
    if (!seen.insert({op.getPattern(), op.getKeys(), op.getCount(), op.getBlock()}))
      return;
    const PositionsAttr keys = op.getKeys();
    const int64_t all =
        AttentionShape(op.getQuery(), op.getLayout()).positions * int64_t(op.getCount());
    text += llvm::formatv("  {0} of {1} keys, blocks of {2} positions in turn", keys.below(all),
                          all, op.getBlock());
    if (auto share = busiestOverMean(op))
      text += llvm::formatv("; the busiest device has {0:F3} of the mean's pairs", *share);
    text += "\n";
  });
  return text.empty() ? text : "gathered for attention, of all devices\n" + text;
}

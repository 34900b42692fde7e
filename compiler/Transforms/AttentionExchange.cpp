//===- AttentionExchange.cpp - what attention sends between devices -------===//

#include "compiler/Transforms/AttentionExchange.h"

#include "compiler/Pattern/Chunks.h"

#include <map>
#include <mutex>
#include <numeric>

using namespace mlir;
using namespace stc;

/// Layers have the same patterns, and functions are looked at in parallel.
static std::optional<pattern::InChunks> inChunks(const std::string &text, int64_t positions,
                                                 int64_t devices, int64_t block) {
  static std::mutex mutex;
  static std::map<std::tuple<std::string, int64_t, int64_t, int64_t>,
                  std::optional<pattern::InChunks>>
      known;
  std::lock_guard guard(mutex);
  auto [entry, added] = known.try_emplace({text, positions, devices, block});
  if (added)
    if (auto pattern = pattern::Pattern::parse(text, positions))
      entry->second = pattern::inChunks(*pattern, devices, block);
  return entry->second;
}

std::optional<NeededRows> stc::neededRows(PatternAttr pattern, int64_t heads, int64_t positions,
                                          int64_t devices, int64_t block) {
  std::vector<pattern::InChunks> each;
  for (const std::string &text : pattern.inTurn(heads)) {
    auto one = inChunks(text, positions, devices, block);
    // Heads share what is gathered.
    if (!one || (!each.empty() && one->own.empty() != each.front().own.empty()))
      return std::nullopt;
    each.push_back(*one);
  }
  pattern::View keys = each.front().keys;
  NeededRows rows;
  SmallVector<StringAttr> own, gathered;
  MLIRContext *context = pattern.getContext();
  for (const pattern::InChunks &one : each) {
    own.push_back(StringAttr::get(context, one.own));
    gathered.push_back(StringAttr::get(context, one.gathered));
    rows.ownPairs += double(one.ownPairs) / each.size();
    rows.pairs += double(one.pairs) / each.size();
    rows.busiest += double(one.busiest) / each.size();
    if (one.keys != keys)
      keys = {};
  }
  if (!each.front().own.empty())
    rows.own = PatternAttr::get(context, own);
  else if (!rows.areAny())
    return std::nullopt;
  rows.gathered = PatternAttr::get(context, gathered);
  rows.keys = PositionsAttr::get(context, keys.period, keys.first, keys.width);
  rows.block = block;
  return rows;
}

// Rates of an H200, and between two of one host (NCCL, 10 MB); the choice depends on their ratios.
static constexpr double kLinkBytes = 200e9, kPairFlops = 350e12;

double stc::secondsOf(Exchange exchange, const AttentionOverDevices &attention,
                      const NeededRows &rows) {
  const double sizes = attention.querySize + attention.valueSize,
               others = double(attention.devices - 1) / attention.devices,
               rowBytes = sizes * attention.elementBytes;
  if (exchange == Exchange::Heads)
    return (attention.queryHeads + attention.keyHeads) * rowBytes * attention.positions /
           attention.devices * others / kLinkBytes;
  auto ofPairs = [&](double pairs) {
    return 2 * sizes * attention.queryHeads * pairs / kPairFlops;
  };
  const double gathered = rows.areAny() ? rows.keys.below(attention.positions) : 0,
               sending = attention.keyHeads * rowBytes * gathered * others / kLinkBytes;
  return std::max(0.0, sending - ofPairs(rows.ownPairs)) +
         ofPairs(rows.busiest - rows.pairs / attention.devices);
}

Exchange stc::chooseExchange(const AttentionOverDevices &attention, const NeededRows &rows,
                             ExchangeChoice choice) {
  if (!attention.byHeads || choice == ExchangeChoice::Rows)
    return Exchange::Rows;
  if (choice == ExchangeChoice::Heads)
    return Exchange::Heads;
  return secondsOf(Exchange::Rows, attention, rows) < secondsOf(Exchange::Heads, attention, rows)
             ? Exchange::Rows
             : Exchange::Heads;
}

/// Seconds of the better way, or the one that there is; no value if there is none.
static std::optional<double> leastSeconds(const PatternOverDevices &one, int64_t block,
                                          ExchangeChoice choice) {
  const AttentionOverDevices &attention = one.attention;
  const bool isOneRun = block == attention.positions / attention.devices;
  auto rows =
      neededRows(one.pattern, attention.queryHeads, attention.positions, attention.devices, block);
  const bool byHeads = attention.byHeads && isOneRun;
  if (!rows)
    return byHeads ? std::optional(secondsOf(Exchange::Heads, attention, {})) : std::nullopt;
  if (!byHeads)
    return secondsOf(Exchange::Rows, attention, *rows);
  return secondsOf(chooseExchange(attention, *rows, choice), attention, *rows);
}

/// What blocks are a multiple of, so that they have whole periods of all patterns.
static int64_t periodOf(ArrayRef<PatternOverDevices> all, int64_t most) {
  int64_t period = 1;
  for (const PatternOverDevices &one : all)
    for (const std::string &text : one.pattern.inTurn(one.attention.queryHeads))
      if (int64_t own = pattern::Pattern::alignment(text); own > 0 && period <= most)
        period = std::lcm(period, own);
  return period;
}

int64_t stc::chooseBlock(ArrayRef<PatternOverDevices> all, ExchangeChoice choice) {
  const int64_t run = all.front().attention.positions / all.front().attention.devices;
  auto total = [&](int64_t block) -> std::optional<double> {
    double sum = 0;
    for (const PatternOverDevices &one : all) {
      auto seconds = leastSeconds(one, block, choice);
      if (!seconds)
        return std::nullopt;
      sum += *seconds;
    }
    return sum;
  };
  if (choice == ExchangeChoice::Heads)
    return run;
  auto least = total(run);
  int64_t chosen = run;
  const int64_t period = periodOf(all, run);
  SmallVector<int64_t> blocks;
  for (int64_t tiles : {384, 512}) { // 3 or 4 of a GPU, whose rows all are then
    // The shortest of which devices have whole ones: longer ones have more to wait for.
    int64_t block = period <= run ? std::lcm(tiles, period) : run;
    while (2 * block <= run && run % block != 0)
      block *= 2;
    blocks.push_back(block);
  }
  // Those of which a device has all of some residues, if they are whole tiles.
  constexpr int64_t tile = 128;
  if (const int64_t devices = all.front().attention.devices; period % (devices * tile) == 0)
    blocks.push_back(period / devices);
  for (int64_t block : blocks) {
    if (2 * block > run || run % block != 0)
      continue;
    if (auto seconds = total(block); seconds && (!least || *seconds < *least))
      least = seconds, chosen = block;
  }
  return chosen;
}

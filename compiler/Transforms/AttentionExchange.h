//===- AttentionExchange.h - what attention sends between devices -*- C++ -*-===//
//
// Positions of a sequence are dealt over devices, in one run each or block by block. Either heads
// are exchanged for positions, so that a device has all positions of some heads, or each has the
// queries of its positions and gathers the keys of others that the pattern asks for.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Stc/Stc.h"

namespace stc {

enum class Exchange { Heads, Rows };

/// `Auto`: the cheaper one.
enum class ExchangeChoice { Auto, Heads, Rows };

/// What the queries of a device meet.
struct NeededRows {
  /// Keys of its own, over its positions, the same for all; null if all keys are gathered.
  PatternAttr own;
  /// The pairs whose keys are gathered, over the whole sequence, and of which positions these are.
  PatternAttr gathered;
  PositionsAttr keys;
  /// Positions of a block.
  int64_t block = 1;
  /// Pairs of a head on average: of `own`, which each device has, and of `gathered` all and those of
  /// the busiest device.
  double ownPairs = 0, pairs = 0, busiest = 0;

  bool areAny() const { return pairs > 0; }
};

/// No value where the queries of a pattern are not seen in runs of positions. Answers are kept.
std::optional<NeededRows> neededRows(PatternAttr pattern, int64_t heads, int64_t positions,
                                     int64_t devices, int64_t block);

struct AttentionOverDevices {
  int64_t queryHeads = 1, keyHeads = 1, querySize = 1, valueSize = 1, elementBytes = 2;
  int64_t positions = 1, devices = 1;
  /// Devices divide the heads.
  bool byHeads = true;
};

/// Seconds of the forward pass of one sequence, of what one way costs more than none: bytes that a
/// device gets from others and, where it gathers rows, pairs of the busiest device beside the mean,
/// but what its own pairs hide.
double secondsOf(Exchange exchange, const AttentionOverDevices &attention, const NeededRows &rows);

Exchange chooseExchange(const AttentionOverDevices &attention, const NeededRows &rows,
                        ExchangeChoice choice);

/// Attention of a function, and the patterns of its heads.
struct PatternOverDevices {
  AttentionOverDevices attention;
  PatternAttr pattern;
};

/// Of how many positions blocks are, where the devices take blocks of the sequence in turn: those
/// that make all attention of a function the fastest, or the device's whole share, one run.
int64_t chooseBlock(llvm::ArrayRef<PatternOverDevices> all, ExchangeChoice choice);

} // namespace stc

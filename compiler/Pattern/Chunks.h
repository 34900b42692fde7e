//===- Chunks.h - a pattern over a sequence in chunks -----------*- C++ -*-===//
//
// A sequence that is dealt over devices is cut into blocks of positions, which the devices take in
// turn: a chunk is every count-th block. The pattern says which keys the queries of a chunk meet:
// those of their own block, most often the same ones in each, and some of other blocks, of which
// few positions may be. Where those of other blocks are far, as in a stride, a chunk of short blocks
// has whole residues of them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Pattern/Pattern.h"

namespace stc::pattern {

/// A pattern of n positions in `count` chunks of blocks.
struct InChunks {
  /// The pairs inside a block of a chunk's positions or, if all others are not seen in runs of
  /// queries, inside the chunk: as a pattern over its positions, the same for each chunk. They are
  /// left out of `gathered`. Empty if they are not the same.
  std::string own;
  /// How many these are, of each chunk.
  int64_t ownPairs = 0;
  /// All other pairs, of the whole sequence.
  std::string gathered;
  /// In which positions their keys are, of all chunks: a view of one residue.
  View keys;
  /// How many pairs of `gathered` there are, and how many the queries of the busiest chunk have, of
  /// more than eight chunks that of eight from the first to the last.
  int64_t pairs = 0, busiest = 0;
};

/// No value where chunks do not have whole blocks, where pairs could not be counted, or where the
/// queries of `gathered` are seen in residues, or in periods that a block does not have whole.
std::optional<InChunks> inChunks(const Pattern &pattern, int64_t count, int64_t block);

} // namespace stc::pattern

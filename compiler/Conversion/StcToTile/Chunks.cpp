//===- Chunks.cpp - walks of a chunk's queries ----------------------------===//

#include "compiler/Conversion/StcToTile/Chunks.h"

using namespace stc;
using pattern::Expr;

namespace {
const Expr chunkNumber = Expr::variable(0), tileNumber = Expr::variable(1);

/// The queries of a chunk in a view of one residue: rows of the view, of which the chunk has every
/// count-th block.
struct ChunkRows {
  int64_t count, block, rows; ///< rows of a block, and of the chunk

  bool isOneBlock() const { return block == rows; }
  /// The row of the sequence, of a number among so many of a block: rows themselves, or tiles.
  Expr ofSequence(const Expr &row, int64_t perBlock) const {
    const Expr first = chunkNumber * perBlock;
    if (isOneBlock())
      return first + row;
    return row.floorDiv(perBlock) * (count * perBlock) + first + row.mod(perBlock);
  }
  /// How many of the chunk's rows are below a row of the sequence.
  Expr below(const Expr &row) const {
    const Expr inPeriod = isOneBlock() ? row : row.mod(count * block);
    const Expr inBlock =
        Expr::min(Expr::max(inPeriod - chunkNumber * block, Expr()), Expr::constant(block));
    return isOneBlock() ? inBlock : row.floorDiv(count * block) * block + inBlock;
  }
};

/// The bounds of tiles that begin anywhere, from those of the sequence's tiles: a tile has rows of
/// two of these.
pattern::Range ofTilesFrom(const Expr &firstRow, int64_t strip, const pattern::Range &range) {
  auto at = [&](const Expr &bound, const Expr &row) {
    const Expr values[] = {Expr(), row.floorDiv(strip)};
    return bound.substitute(values);
  };
  const Expr lastRow = firstRow + Expr::constant(strip - 1);
  const Expr lo[] = {at(range.lo, firstRow), at(range.lo, lastRow)},
             hi[] = {at(range.hi, firstRow), at(range.hi, lastRow)};
  // One of the two may have no pairs, and any bounds then.
  auto isEmpty = [&](int k) { return (lo[k] - hi[k]).nonNegative(); };
  auto joined = [&](const Expr(&bounds)[2], const Expr &both) {
    return Expr::select(isEmpty(0), bounds[1], Expr::select(isEmpty(1), bounds[0], both));
  };
  pattern::Range all = range;
  all.lo = joined(lo, Expr::min(lo[0], lo[1]));
  all.hi = joined(hi, Expr::max(hi[0], hi[1]));
  const Expr fullLo = Expr::max(at(range.fullLo, firstRow), at(range.fullLo, lastRow)),
             fullHi = Expr::min(at(range.fullHi, firstRow), at(range.fullHi, lastRow)),
             isNone = isEmpty(0) || isEmpty(1);
  all.fullLo = Expr::select(isNone, all.lo, Expr::min(Expr::max(fullLo, all.lo), all.hi));
  all.fullHi = Expr::select(isNone, all.lo, Expr::max(Expr::min(fullHi, all.hi), all.fullLo));
  return all;
}

/// The bounds of the chunk's tiles.
pattern::Range ofTiles(const ChunkRows &chunk, int64_t strip, const pattern::Range &range) {
  if (chunk.block % strip != 0)
    return ofTilesFrom(chunk.ofSequence(tileNumber * strip, chunk.block), strip, range);
  const Expr values[] = {Expr(), chunk.ofSequence(tileNumber, chunk.block / strip),
                         Expr::variable(2)};
  pattern::Range own = range;
  for (Expr *bound :
       {&own.lo, &own.fullLo, &own.fullHi, &own.hi, &own.begin, &own.end, &own.longest})
    *bound = bound->substitute(values);
  return own;
}

/// The bounds as rows of the chunk, of tiles of keys.
pattern::Range inRows(const ChunkRows &chunk, const pattern::Range &range) {
  const Expr values[] = {Expr(), tileNumber, Expr::variable(2)};
  pattern::Range own = range;
  for (Expr *bound : {&own.begin, &own.end, &own.longest})
    *bound = bound->substitute(values);
  for (Expr *bound : {&own.lo, &own.fullLo, &own.fullHi, &own.hi})
    *bound = chunk.below(bound->substitute(values));
  return own;
}
} // namespace

const char *stc::takeChunk(WalkForm &walk, const AttentionChunk &chunk, int64_t n, bool byKeys) {
  const int64_t size = n / chunk.count, keyCount = n / chunk.keys.period * chunk.keys.width;
  walk.chunks = chunk.count;
  walk.own = byKeys ? keyCount : size;
  walk.others = byKeys ? size : keyCount;
  if (walk.pairs)
    walk.pairs = *walk.pairs / chunk.count;
  auto isRun = [](const pattern::View &view) { return view.residues == 1 && view.together == 1; };
  auto areThere = [&](const pattern::View &keys) {
    return chunk.keys.isIdentity() || keys == chunk.keys;
  };
  for (SegmentForm &segment : walk.segments) {
    const pattern::View queries = byKeys ? segment.view : walk.view,
                        keys = byKeys ? walk.view : segment.view;
    if (!isRun(queries) || !isRun(keys))
      return "views of one residue";
    if (chunk.block % queries.period != 0)
      return "views of queries of which blocks have whole periods";
    if (!areThere(keys))
      return "a view of keys that are there";
    auto rowsOf = [&](int64_t positions) { return positions / queries.period * queries.width; };
    const ChunkRows rows{chunk.count, rowsOf(chunk.block), rowsOf(size)};
    if (!byKeys && rows.block % walk.schedule.strip != 0 &&
        (segment.range.isSeveral || !rows.isOneBlock()))
      return "tiles of which blocks have whole ones";
    segment.range =
        byKeys ? inRows(rows, segment.range) : ofTiles(rows, walk.schedule.strip, segment.range);
    const Expr values[] = {Expr(), rows.ofSequence(Expr::variable(1), rows.block),
                           Expr::variable(2), Expr::variable(3)};
    segment.predicate = segment.predicate.substitute(values);
    if (!byKeys && !chunk.keys.isIdentity())
      segment.view = {};
  }
  if (byKeys && !chunk.keys.isIdentity())
    walk.view = {};
  return nullptr;
}

//===- StripBounds.cpp - which key rows each strip of a tile meets --------===//

#include "compiler/Conversion/TileToHost/StripBounds.h"

using namespace mlir;
using namespace stc;

void stc::eachRangeOfTile(Emitter &e, tile::WalkOp walk, Value residue, Value row, Value rowEnd,
                          int64_t strips, function_ref<void(const HostRange &)> body) {
  const int64_t strip = e.tile.strip();
  Value first = e.floorDiv(row, strip), exist = e.floorDiv(e.add(rowEnd, strip - 1), strip);
  Value end = e.min(e.add(first, strips), exist);
  e.eachRange(walk, residue, first, end, {}, [&](const HostRange &range, ValueRange) {
    body(range);
    return Emitter::Values();
  });
}

StripBounds::StripBounds(Emitter &e, const HostRange &range, Value row, Value rowEnd,
                         int64_t strips)
    : memory(e.scratch({strips, 4}, e.b.getIndexType())) {
  int64_t strip = e.tile.strip();
  Value huge = e.index(int64_t(1) << 40), none = e.index(0);
  auto hull =
      e.loop(e.index(0), e.index(strips), 1, {huge, none}, [&](Value s, ValueRange carried) {
        Value first = e.add(row, e.mul(s, strip));
        auto bounds = e.bounds(range, e.floorDiv(first, strip));
        // A strip past the last row, or without a key: empty.
        Value exists =
            arith::AndIOp::create(e.b, e.less(first, rowEnd), e.less(bounds[0], bounds[3]));
        for (auto [k, bound] : llvm::enumerate(bounds)) {
          bound = arith::SelectOp::create(e.b, exists, bound, none);
          e.store(bound, memory, {s, e.index(k)});
        }
        Value lo = arith::SelectOp::create(e.b, exists, e.min(carried[0], bounds[0]), carried[0]);
        Value hi = arith::SelectOp::create(e.b, exists, e.max(carried[1], bounds[3]), carried[1]);
        return Emitter::Values{lo, hi};
      });
  lo = hull[0];
  hi = hull[1];
}

StripBounds::Clipped StripBounds::clip(Emitter &e, Value strip, Value chunk, Value length) const {
  auto at = [&](int64_t k) { return e.load(memory, {strip, e.index(k)}); };
  Value zero = e.index(0);
  Clipped clipped;
  clipped.hi = at(3);
  clipped.begin = e.roundDown(e.max(e.sub(at(0), chunk), zero), e.tile.rows);
  // Signed: a strip that ends before the chunk has end <= 0 <= begin.
  Value end = e.min(e.sub(clipped.hi, chunk), length);
  clipped.end = e.roundUp(e.max(end, zero), e.tile.rows);
  clipped.fullLo = at(1);
  clipped.fullHi = at(2);
  return clipped;
}

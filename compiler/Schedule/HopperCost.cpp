//===- HopperCost.cpp - what attention costs on an H100 -------------------===//

#include "compiler/Schedule/HopperCost.h"

#include <algorithm>

namespace stc {

HopperWork &HopperWork::operator+=(const HopperWork &other) {
  usefulFlops += other.usefulFlops;
  flops += other.flops;
  exponentials += other.exponentials;
  bytes += other.bytes;
  sums += other.sums;
  items += other.items;
  return *this;
}

HopperTime &HopperTime::operator+=(const HopperTime &other) {
  products += other.products;
  exponentials += other.exponentials;
  memory += other.memory;
  sums += other.sums;
  roofline += other.roofline;
  return *this;
}

static HopperWork workOf(AttentionPart part, const HopperTiles &tiles) {
  AttentionWork useful = attentionWork(part, tiles);
  int64_t computed = tiles.attentions * tiles.tiles * tiles.queryRows * tiles.keyRows;
  HopperWork work;
  work.usefulFlops = double(useful.flops);
  work.flops =
      double(productsOf(part, tiles.sumsQueries)
                 .flops(computed, paddedHead(tiles.querySize), paddedHead(tiles.valueSize)));
  work.exponentials = double(computed);
  work.bytes = double(useful.bytes);
  work.items = tiles.items;
  return work;
}

HopperWork forwardWork(const HopperTiles &tiles) { return workOf(AttentionPart::Forward, tiles); }

HopperWork keyGradWork(const HopperTiles &tiles) {
  HopperWork work = workOf(AttentionPart::KeyGradient, tiles);
  if (tiles.sumsQueries && !tiles.beginsSums)
    work.sums =
        double(tiles.sumBytes * tiles.querySize * tiles.attentions * tiles.tiles * tiles.queryRows);
  return work;
}

HopperWork queryGradWork(const HopperTiles &tiles) {
  return workOf(AttentionPart::QueryGradient, tiles);
}

static HopperWork bytesAlone(int64_t bytes) {
  HopperWork work;
  work.bytes = double(bytes);
  return work;
}

HopperWork deltaWork(int64_t queries, int64_t valueSize, int64_t sumSize) {
  return bytesAlone(deltaBytes(queries, valueSize, sumSize));
}

HopperWork querySumWork(int64_t queries, int64_t querySize) {
  return bytesAlone(querySumBytes(queries, querySize));
}

HopperTime estimate(const HopperWork &work, const HopperRates &rates) {
  // The last round of items leaves multiprocessors idle.
  int64_t rounds = (work.items + rates.multiprocessors - 1) / rates.multiprocessors;
  double busy = work.items == 0 ? 1 : double(work.items) / double(rounds * rates.multiprocessors);
  HopperTime time;
  time.products = work.flops / (busy * rates.flops);
  time.exponentials = work.exponentials / (busy * rates.exponentials());
  time.sums = work.sums / rates.sums;
  time.memory = work.bytes / rates.bytes;
  time.roofline = std::max(work.usefulFlops / rates.flops, time.memory);
  return time;
}

} // namespace stc

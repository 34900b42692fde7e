//===- HopperCost.cpp - what attention costs on an H100 -------------------===//

#include "compiler/Schedule/HopperCost.h"

#include <algorithm>

namespace stc {

static constexpr double narrow = 2, wide = 4; // bytes of a bf16 or f16, and of a float32

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

/// So many products over the elements of queries, and of values.
static HopperWork workOf(const HopperTiles &tiles, double queryProducts, double valueProducts) {
  auto flops = [&](double pairs, int64_t querySize, int64_t valueSize) {
    return 2 * pairs * (queryProducts * double(querySize) + valueProducts * double(valueSize));
  };
  double attentions = double(tiles.attentions);
  double computed = attentions * double(tiles.tiles * tiles.queryRows * tiles.keyRows);
  HopperWork work;
  work.usefulFlops = flops(attentions * double(tiles.pairs), tiles.querySize, tiles.valueSize);
  work.flops = flops(computed, paddedHead(tiles.querySize), paddedHead(tiles.valueSize));
  work.exponentials = computed;
  work.items = tiles.items;
  return work;
}

/// Bytes of a query's or key's elements, and of a value's; how many of both axes there are.
struct Sizes {
  double query, value, queries, keys;

  explicit Sizes(const HopperTiles &tiles)
      : query(narrow * double(tiles.querySize)), value(narrow * double(tiles.valueSize)),
        queries(double(tiles.attentions * tiles.queries)),
        keys(double(tiles.attentions * tiles.keys) / double(tiles.group)) {}
};

HopperWork forwardWork(const HopperTiles &tiles) {
  HopperWork work = workOf(tiles, 1, 1);
  Sizes sizes(tiles);
  double result = sizes.value + wide; // output and log-sum-exp
  work.bytes = sizes.queries * (sizes.query + result * (tiles.resumes ? 2 : 1)) +
               sizes.keys * (sizes.query + sizes.value);
  return work;
}

HopperWork keyGradWork(const HopperTiles &tiles) {
  HopperWork work = workOf(tiles, tiles.sumsQueries ? 3 : 2, 2);
  Sizes sizes(tiles);
  double sum = tiles.sumsQueries ? wide * double(tiles.querySize) : 0;
  // Queries, output gradients, log-sum-exps and deltas; keys and values, and gradients of these.
  work.bytes = sizes.queries * (sizes.query + sizes.value + 2 * wide + sum) +
               sizes.keys * (sizes.query + sizes.value) * (tiles.resumes ? 3 : 2);
  if (!tiles.beginsSums)
    work.sums = sum * double(tiles.attentions * tiles.tiles * tiles.queryRows);
  return work;
}

HopperWork queryGradWork(const HopperTiles &tiles) {
  HopperWork work = workOf(tiles, 2, 1);
  Sizes sizes(tiles);
  work.bytes = sizes.queries * (sizes.query * (tiles.resumes ? 3 : 2) + sizes.value + 2 * wide) +
               sizes.keys * (sizes.query + sizes.value);
  return work;
}

HopperWork deltaWork(int64_t queries, int64_t valueSize, int64_t sumSize) {
  HopperWork work;
  work.bytes = double(queries) * (2 * narrow * double(valueSize) + wide + wide * double(sumSize));
  return work;
}

HopperWork querySumWork(int64_t queries, int64_t querySize) {
  HopperWork work;
  work.bytes = double(queries * querySize) * (wide + narrow);
  return work;
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

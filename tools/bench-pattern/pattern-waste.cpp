//===- pattern-waste.cpp - what tiles compute of random patterns beside their pairs ---------===//
//
// Of random expressions, half of them the tests' own and half lattices, bands and patches: the
// pairs that tiles of 64 x 64 compute over the pairs of the pattern, beside the same of a mask of
// 64 x 64 blocks, and the seconds that parsing, splitting and counting take.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/Pattern.h"
#include "tests/unit/Pattern/RandomPattern.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

using namespace stc::pattern;

namespace {

constexpr int64_t tile = 64;

struct Result {
  uint64_t seed;
  std::string text;
  int64_t pairs, computed, ofBlocks;
  double seconds;
  double waste() const { return double(computed) / double(pairs); }
};

/// All pairs, and those of the blocks that hold one, by the condition itself.
std::pair<int64_t, int64_t> countByBlocks(const Pattern &pattern) {
  const int64_t n = pattern.size(), blocks = (n + tile - 1) / tile;
  int64_t pairs = 0, computed = 0;
  for (int64_t begin = 0; begin < n; begin += tile) {
    const int64_t rows = std::min(tile, n - begin);
    std::vector<std::vector<int64_t>> columns(2);
    for (int64_t i = begin; i < begin + rows; ++i)
      for (int64_t j = 0; j < n; ++j) {
        columns[0].push_back(i);
        columns[1].push_back(j);
      }
    std::vector<int64_t> found(blocks);
    auto holds = pattern.condition().evaluateMany(columns, columns[0].size());
    for (size_t k = 0; k < holds.size(); ++k)
      found[columns[1][k] / tile] += holds[k] != 0;
    for (int64_t block = 0; block < blocks; ++block) {
      pairs += found[block];
      if (found[block])
        computed += rows * std::min(tile, n - block * tile);
    }
  }
  return {pairs, computed};
}

Result measured(uint64_t seed, int64_t n) {
  test::Generator generator(seed);
  Result result{seed, (seed % 2 ? generator.shiftedResidues(64) : generator.expression(2)).text};
  const auto begin = std::chrono::steady_clock::now();
  Pattern pattern = Pattern::parse(result.text, n).value();
  for (const Walk &walk : pattern.walks())
    result.computed += countTiles(walk, n, tile, tile).pairs;
  (void)pattern.countPairs();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::tie(result.pairs, result.ofBlocks) = countByBlocks(pattern);
  return result;
}

double quantile(std::vector<double> values, double which) {
  std::ranges::sort(values);
  return values[size_t(which * double(values.size() - 1))];
}

} // namespace

int main(int argc, char **argv) {
  int64_t count = 2000, n = 4096;
  uint64_t seed = 1;
  CLI::App app("what tiles of 64 x 64 compute of random patterns, over their pairs");
  app.add_option("--count", count, "how many patterns")->capture_default_str();
  app.add_option("--positions", n, "of each")->capture_default_str();
  app.add_option("--seed", seed, "of the first")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::vector<double> waste, ofBlocks, seconds;
  int64_t worse = 0;
  for (int64_t k = 0; k < count; ++k) {
    const Result result = measured(seed + k, n);
    seconds.push_back(result.seconds);
    if (!result.pairs)
      continue;
    waste.push_back(result.waste());
    ofBlocks.push_back(double(result.ofBlocks) / double(result.pairs));
    const bool isWorse = result.computed > result.ofBlocks;
    worse += isWorse;
    if (isWorse || result.seconds > 5)
      std::printf("seed %llu: waste %.2f, blocks %.2f, %.1f s: %s\n",
                  (unsigned long long)result.seed, waste.back(), ofBlocks.back(), result.seconds,
                  result.text.c_str());
  }
  for (auto &[name, values] :
       {std::pair{"tiles", &waste}, {"blocks of 64", &ofBlocks}, {"seconds", &seconds}})
    std::printf("%-14s median %.2f, 95 %% below %.2f, most %.2f\n", name, quantile(*values, 0.5),
                quantile(*values, 0.95), quantile(*values, 1));
  std::printf("%zu patterns with pairs, %lld computed by more than a mask of blocks\n",
              waste.size(), (long long)worse);
}

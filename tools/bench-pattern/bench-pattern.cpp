//===- bench-pattern.cpp - the time that patterns take to compile ---------===//
//
// For patterns of 1,048,576 positions: parse, prove, split into views, derive tile ranges and
// count, all from the text; and the whole of what --explain and --picture do for a model.
// A sum of the means far below a second is what to expect.
//
//===----------------------------------------------------------------------===//

#include "compiler/Explain/Explain.h"
#include "compiler/Pattern/Pattern.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <string_view>

using namespace stc;
using pattern::Pattern;

namespace {

constexpr int64_t positions = 1 << 20;
constexpr TileSize tile;

Pattern parsed(const std::string &text) { return Pattern::parse(text, positions).value(); }

/// Everything that is asked of one pattern, each time from its text.
void compilePattern(benchmark::State &state, const std::string &text) {
  for (auto _ : state) {
    Pattern whole = parsed(text);
    benchmark::DoNotOptimize(whole.causal());
    benchmark::DoNotOptimize(whole.emptyRows());
    int64_t pairs = 0;
    for (const pattern::Walk &walk : whole.walks()) {
      pairs += countTiles(walk, positions, tile.queries, tile.keys).pairs;
      for (const pattern::Segment &segment : walk.segments)
        benchmark::DoNotOptimize(segment.queriesOf(tile.queries));
    }
    benchmark::DoNotOptimize(whole.countPairs());
    benchmark::DoNotOptimize(pattern::reaches({whole, whole, whole}, 3));
    state.counters["computed"] = double(pairs);
  }
}

/// Validity of factors that take turns over the layers of a model.
void reachInterleaved(benchmark::State &state, const std::string &text, int64_t layers) {
  for (auto _ : state) {
    std::vector<Pattern> factors, stack;
    for (const std::string &factor : Pattern::factors(text))
      factors.push_back(parsed(factor));
    for (int64_t layer = 0; layer < layers; ++layer)
      stack.push_back(factors[layer % factors.size()]);
    benchmark::DoNotOptimize(pattern::reaches(stack, int(factors.size()) + 1));
  }
}

spec::Spec modelOf(const std::string &text) {
  spec::Spec spec;
  spec.name = "model";
  spec.model = {.layers = 128, .width = 128, .heads = 4};
  spec.data.context = positions;
  spec.embedding.stride = 1024;
  spec.attention = {{text}, spec::Integration::Interleaved};
  return spec;
}

void explain(benchmark::State &state, const std::string &text) {
  spec::Spec spec = modelOf(text);
  for (auto _ : state)
    benchmark::DoNotOptimize(explainModel(spec, [](const auto &...) { return tile; }));
}

void picture(benchmark::State &state, const std::string &text) {
  spec::Spec spec = modelOf(text);
  for (auto _ : state)
    benchmark::DoNotOptimize(pictureModel(spec));
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 2 && argv[1] == std::string_view("--version")) {
    std::puts("bench-pattern " STC_VERSION);
    return 0;
  }
  auto add = [](const std::string &name, auto &&...what) {
    benchmark::RegisterBenchmark(name.c_str(), what...)->Unit(benchmark::kMillisecond);
  };
  for (const char *text :
       {"dense", "strided(1024)", "fixed(1024, 32)", "local(1024)", "stride(1024)", "block(1024)",
        "summary(1024, 32)", "local(1024) | sinks(4)", "stride(4) & local(4096)"})
    add(std::string("compile/") + text, compilePattern, text);
  for (const char *text : {"strided(1024)", "fixed(1024, 32)"}) {
    add(std::string("reach of 128 layers/") + text, reachInterleaved, text, int64_t(128));
    add(std::string("explain 128 layers/") + text, explain, text);
    add(std::string("picture/") + text, picture, text);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 2;
  benchmark::RunSpecifiedBenchmarks();
}

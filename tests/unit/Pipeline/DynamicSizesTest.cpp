//===- DynamicSizesTest.cpp - one program for all sizes, beside one for each ----------===//
//
// What a function of dynamic sizes has for random sizes, items of launches and tensor maps, is what
// a function of these static sizes has. STC_TEST_SEED=<seed> runs one case of each pattern alone.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pipeline/Compile.h"
#include "dialects/Plan/Plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mlir/Parser/Parser.h>

#include <cstdlib>
#include <random>

using namespace mlir;
using namespace stc;

namespace {

constexpr int64_t kQuerySize = 64, kValueSize = 32;

struct Sizes {
  int64_t batch, positions, heads, keyHeads;
};

std::string moduleOf(const std::string &pattern, const Sizes &sizes, bool isDynamic) {
  auto type = [&](int64_t heads, int64_t size) {
    return fmt::format("tensor<{}x{}x{}x{}xbf16>", sizes.batch, heads, sizes.positions, size);
  };
  const std::string q = type(sizes.heads, kQuerySize), k = type(sizes.keyHeads, kQuerySize),
                    v = type(sizes.keyHeads, kValueSize), o = type(sizes.heads, kValueSize),
                    l = fmt::format("tensor<{}x{}x{}xf32>", sizes.batch, sizes.heads,
                                    sizes.positions);
  return fmt::format(
      R"(func.func @forward(%q: {0}, %k: {1}, %v: {2}) -> ({3}, {4}){6} {{
           %o, %l = stc.attention %q, %k, %v scale 0.125 pattern <"{5}"> layout head_major
               : {0}, {1}, {2} -> {3}, {4}
           return %o, %l : {3}, {4}
         }}
         func.func @gradient(%q: {0}, %k: {1}, %v: {2}, %o: {3}, %l: {4}, %g: {3}) -> ({0}, {1}, {2}){6} {{
           %r:3 = stc.attention_grad %q, %k, %v, %o, %l, %g scale 0.125 pattern <"{5}"> layout head_major
               : {0}, {1}, {2}, {3}, {4}, {3} -> {0}, {1}, {2}
           return %r#0, %r#1, %r#2 : {0}, {1}, {2}
         }})",
      q, k, v, o, l, pattern, isDynamic ? " attributes {stc.dynamic}" : "");
}

/// The parameters of a call on tensors that are contiguous, of so many heads and sizes each.
std::vector<int64_t> parametersOf(const Sizes &s,
                                  const std::vector<std::pair<int64_t, int64_t>> &tensors) {
  std::vector<int64_t> parameters = {s.batch, s.positions, s.heads, s.keyHeads};
  for (auto [heads, size] : tensors)
    for (int64_t stride : {heads * s.positions * size, size, s.positions * size})
      parameters.push_back(stride);
  return parameters;
}

/// Of a launch: its items, then of each of its maps the offset, the sizes, the strides.
using Numbers = std::vector<int64_t>;

Numbers numbersOf(plan::LaunchOp launch, plan::KernelOp kernel, ArrayRef<int64_t> sizes) {
  Numbers numbers = {int64_t(launch.getItems())};
  if (launch.getDynamic())
    numbers[0] = tile::evaluate(*launch.getDynamic(), sizes)[0];
  for (auto map : kernel.getGrid()->getMaps().getAsRange<plan::TensorMapAttr>()) {
    if (map.getDynamic()) {
      llvm::append_range(numbers, tile::evaluate(map.getDynamic().getValue(), sizes));
      continue;
    }
    numbers.push_back(map.getOffset());
    llvm::append_range(numbers, map.getSizes());
    llvm::append_range(numbers, map.getStrides());
  }
  return numbers;
}

/// Of all launches of both functions.
std::vector<Numbers> numbersOf(const std::string &text, const Sizes &sizes) {
  static MLIRContext context([] {
    DialectRegistry registry;
    registerCompiler(registry);
    return registry;
  }());
  auto module = parseSourceString<ModuleOp>(text, &context);
  CompileOptions options{HostTarget::create(HostTarget::defaultCpu()).value(), "sm_90a"};
  std::vector<Numbers> all;
  if (!module || failed(runPhases(*module, options))) {
    ADD_FAILURE() << text;
    return all;
  }
  SymbolTable symbols(*module);
  const std::pair<int64_t, int64_t> q{sizes.heads, kQuerySize}, k{sizes.keyHeads, kQuerySize},
      v{sizes.keyHeads, kValueSize}, o{sizes.heads, kValueSize};
  for (auto entry : module->getOps<plan::EntryOp>()) {
    const auto parameters = entry.getSymName() == "forward"
                                ? parametersOf(sizes, {q, k, v, o})
                                : parametersOf(sizes, {q, k, v, o, o, q, k, v});
    for (auto launch : entry.getBody().front().getOps<plan::LaunchOp>())
      all.push_back(
          numbersOf(launch, symbols.lookup<plan::KernelOp>(launch.getKernel()), parameters));
  }
  return all;
}

class DynamicSizes : public testing::TestWithParam<const char *> {};

TEST_P(DynamicSizes, AreThoseOfStaticOnes) {
  const char *given = std::getenv("STC_TEST_SEED");
  const unsigned seed = given ? std::stoul(given) : std::random_device()();
  SCOPED_TRACE(fmt::format("STC_TEST_SEED={}", seed));
  std::mt19937 random(seed);
  auto choose = [&](int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  };
  const int64_t group = choose(1, 3), keyHeads = choose(1, 4);
  // Nearly the longest, so that it has its tiles.
  const Sizes longest{1, 8192, group, 1},
      sizes{choose(1, 3), 128 * choose(60, 64), keyHeads * group, keyHeads};
  EXPECT_EQ(numbersOf(moduleOf(GetParam(), longest, true), sizes),
            numbersOf(moduleOf(GetParam(), sizes, false), sizes));
}

INSTANTIATE_TEST_SUITE_P(Patterns, DynamicSizes,
                         testing::Values("local(200)", "fixed(128, 32)", "strided(32)", "dense",
                                         "blocks(64, 2)"));

} // namespace

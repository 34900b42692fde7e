//===- main.cpp - bench-attention: how fast compiled attention is ---------===//
//
// Compiles the benchmark rows of the shared cases for this machine, forward and with the gradient,
// and times them in turn with a large dense product of the library on the same threads. What counts
// are the ratios. Useful operations are those of the pairs in the pattern: 4 d a pair forward, 14 d
// forward and backward. With --gpu it writes the GPU's rows as programs, for compare.py.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pattern/Pattern.h"
#include "compiler/Pipeline/Compile.h"
#include "runtime/Device/Host/Executor.h"
#include "runtime/Device/Host/Limits.h"
#include "runtime/Device/Host/LargeProduct.h"
#include "runtime/Program/Signature.h"
#include "tests/cases/Cases.h"
#include "tools/bench-attention/GpuPrograms.h"
#include "tools/command-line/CommandLine.h"

#include <fmt/ranges.h>
#include <mlir/Parser/Parser.h>

#include <algorithm>
#include <random>
#include <ranges>

using namespace stc;
using runtime::LargeProduct;

namespace {
/// A case's program on the machine's threads.
struct Bench {
  std::vector<std::byte> program;
  std::unique_ptr<runtime::HostExecutor> executor;

  double seconds(const std::string &entry) {
    int index = runtime::findEntry(executor->program(), entry.c_str());
    return runtime::secondsOf([&] { executor->run(index); });
  }
};

/// Empty, with an error reported, if something fails.
std::optional<Bench> compile(const cases::Case &test, mlir::MLIRContext &context,
                             const HostTarget &target, runtime::ThreadPool &pool) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(test.function(), &context);
  CompileOptions options{target};
  options.gradients = true;
  if (!module || failed(runPhases(*module, options)))
    return std::nullopt;
  auto program = finishProgram(*module, options, {test.name, {}, "", ""});
  if (failed(program))
    return std::nullopt;
  Bench bench{std::move(*program), nullptr};
  auto executor = runtime::HostExecutor::create(
      *flatbuffers::GetRoot<program::Program>(bench.program.data()), pool);
  if (!executor) {
    fmt::print(stderr, "bench-attention: error: {}: {}\n", test.name, executor.error().message);
    return std::nullopt;
  }
  bench.executor = std::move(*executor);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const program::Entry *entry : *bench.executor->program().entries())
    for (const program::Tensor *input : *entry->inputs())
      for (float &value : bench.executor->elements<float>(*input))
        value = normal(random);
  return bench;
}

double pairsOf(const cases::Case &test) {
  double pairs = 0;
  for (int64_t head = 0; head < test.heads; ++head)
    pairs += pattern::Pattern::parse(test.patternOf(head), test.n)->countPairs().value();
  return pairs * test.batch;
}

struct Options {
  std::vector<std::string> names;
  std::string gpu;
  int repetitions = 5, threads = runtime::availableCores();
};

int run(const Options &options) {
  mlir::DialectRegistry registry;
  registerCompiler(registry);
  mlir::MLIRContext context(registry);
  HostTarget target = HostTarget::create(HostTarget::defaultCpu()).value();
  runtime::ThreadPool pool(options.threads);
  LargeProduct product(pool);
  fmt::print("{} threads, {}, float32, medians of {}\n\n", options.threads, target.cpu(),
             options.repetitions);
  fmt::print("{:<24}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}\n", "case", "forward ms", "GFLOP/s",
             "of sgemm", "both ms", "GFLOP/s", "of sgemm");
  for (const cases::Case &test : cases::benchmarkCases()) {
    if (!options.names.empty() &&
        std::ranges::find(options.names, test.name) == options.names.end())
      continue;
    auto bench = compile(test, context, target, pool);
    if (!bench)
      return 1;
    std::vector<double> forward, both, products;
    for (int k = -1; k < options.repetitions; ++k) { // one to warm up
      double times[] = {bench->seconds(test.name), bench->seconds(test.name + ".grad"),
                        product.seconds()};
      if (k < 0)
        continue;
      forward.push_back(times[0]), both.push_back(times[1]), products.push_back(times[2]);
    }
    double pairs = pairsOf(test), sgemm = LargeProduct::flops / runtime::median(products);
    auto column = [&](const std::vector<double> &seconds, double flops) {
      double time = runtime::median(seconds), rate = pairs * flops / time;
      return fmt::format("{:>12.2f}{:>12.1f}{:>12.2f}", time * 1e3, rate * 1e-9, rate / sgemm);
    };
    // Forward: a product of the query size and one of the value size; backward three and two.
    double q = 2.0 * test.querySize, v = 2.0 * test.valueSize;
    fmt::print("{:<24}{}{}\n", test.name, column(forward, q + v), column(both, 4 * q + 3 * v));
    std::fflush(stdout);
  }
  return 0;
}
} // namespace

int main(int argc, char **argv) {
  CLI::App app("Times compiled attention beside a large dense product on the same threads.",
               "bench-attention");
  Options options;
  app.add_option("cases", options.names, "which cases; default: all");
  app.add_option("--gpu", options.gpu,
                 "write the GPU's cases as programs to this folder, for compare.py, and run none");
  cli::addNumber(app, "--repetitions", options.repetitions, "timed runs; default: 5", {1, 1000});
  cli::addNumber(app, "--threads", options.threads,
                 "threads to run on; default: all cores it may use", {1, 4096});
  if (auto ended = cli::parse(app, argc, argv))
    return *ended;
  const auto &all = options.gpu.empty() ? cases::benchmarkCases() : cases::gpuBenchmarkCases();
  for (const std::string &name : options.names)
    if (std::ranges::find(all, name, &cases::Case::name) == all.end()) {
      fmt::print(stderr, "bench-attention: error: expected one of {}, found the case {}\n",
                 fmt::join(all | std::views::transform(&cases::Case::name), ", "), name);
      return 2;
    }
  if (!options.gpu.empty())
    return failed(writeGpuPrograms(options.gpu, options.names));
  return run(options);
}

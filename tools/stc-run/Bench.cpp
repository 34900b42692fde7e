//===- Bench.cpp - stc-run bench: how long the entries take and where ----------------------===//
#include "runtime/Device/Host/LargeProduct.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/Philox.h"
#include "runtime/Support/Units.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

namespace stc::run {

using namespace runtime;
using program::DType;

namespace {

struct BenchOptions : SessionOptions {
  std::string entry;
  int repetitions = 9, warmUp = 2;
  bool json = false;
};

struct Measurement {
  std::string entry;
  double median = 0, best = 0;
  /// The large product on the same threads, measured between the repetitions.
  double sgemmFlops = 0;
  /// Seconds of one run by kind of work, from profiled runs.
  std::map<std::string, double> kinds;
  double gemmFlopsPerSecond = 0;
};

// Random numbers for floating point, bytes for integers; a scalar that names a position gets the
// last one, where most is to be done.
void fillInputs(Executor &executor, const program::Entry &entry, const Settings &settings) {
  for (const program::Tensor *input : *entry.inputs()) {
    int64_t count = elements(*input);
    auto fill = [&]<class T>(T, auto value) {
      std::span<T> values = executor.elements<T>(*input);
      for (int64_t i = 0; i < count; ++i) {
        PhiloxWords words = philox({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32), 0, 0},
                                   input->offset());
        values[i] = static_cast<T>(value(uniform(words[0], words[1])));
      }
    };
    auto real = [](double u) { return 2 * u - 1; };
    int64_t last = settings.integer("data.context", 1).value_or(1) - 1;
    auto integer = [&](double u) {
      if (input->shape()->size() > 0)
        return static_cast<int64_t>(u * 256);
      std::string_view name = input->name()->string_view();
      return name == "position" || name == "last" ? last : 0;
    };
    if (input->dtype() == DType::F32)
      fill(float(), real);
    else if (input->dtype() == DType::F64)
      fill(double(), real);
    else if (input->dtype() == DType::I32)
      fill(int32_t(), integer);
    else if (input->dtype() == DType::I64)
      fill(int64_t(), integer);
    else if (input->dtype() == DType::U8)
      fill(uint8_t(), integer);
  }
}

Result<Measurement> measure(Session &session, const std::string &name, LargeProduct &reference,
                            const BenchOptions &options) {
  Result<uint32_t> index = session.entry(name);
  if (!index)
    return forward(index);
  Executor &executor = session.executor();
  const program::Program &program = session.program();
  const program::Entry &entry = *program.entries()->Get(*index);
  Settings settings(program);
  auto run = [&](Profile *profile) {
    // Inputs may share memory with what the last run computed.
    fillInputs(executor, entry, settings);
    return secondsOf([&] { executor.run(*index, profile); });
  };
  for (int i = 0; i < options.warmUp; ++i) {
    run(nullptr);
    reference.seconds();
  }
  std::vector<double> times, references;
  for (int i = 0; i < options.repetitions; ++i) {
    times.push_back(run(nullptr));
    references.push_back(reference.seconds());
  }
  Profile profile;
  int profiled = std::max(1, options.repetitions / 3);
  for (int i = 0; i < profiled; ++i)
    run(&profile);

  Measurement result{name,
                     median(times),
                     *std::ranges::min_element(times),
                     LargeProduct::flops / median(references),
                     {},
                     0};
  for (uint32_t kernel = 0; kernel < profile.kernels.size(); ++kernel)
    if (profile.kernels[kernel] > 0)
      result.kinds[program.kernels()->Get(kernel)->kind()->str()] +=
          profile.kernels[kernel] / profiled;
  if (profile.gemm > 0) {
    result.kinds["gemm"] = profile.gemm / profiled;
    result.gemmFlopsPerSecond = profile.gemmFlops / profile.gemm;
  }
  if (profile.copy > 0)
    result.kinds["copy"] = profile.copy / profiled;
  return result;
}

void printText(const Measurement &m) {
  fmt::print("{}: median {:.3f} ms, best {:.3f} ms; sgemm of {} cubed {:.1f} GFLOP/s\n", m.entry,
             m.median * 1e3, m.best * 1e3, LargeProduct::size, m.sgemmFlops * 1e-9);
  std::vector<std::pair<std::string, double>> kinds(m.kinds.begin(), m.kinds.end());
  std::ranges::sort(kinds, [](const auto &a, const auto &b) { return a.second > b.second; });
  double total = 0;
  for (const auto &[kind, seconds] : kinds)
    total += seconds;
  for (const auto &[kind, seconds] : kinds)
    fmt::print("  {:<16} {:10.3f} ms {:5.1f} %{}\n", kind, seconds * 1e3, 100 * seconds / total,
               kind == "gemm" ? fmt::format("  {:.1f} GFLOP/s", m.gemmFlopsPerSecond * 1e-9) : "");
}

nlohmann::ordered_json toJson(const Measurement &m) {
  return {{"entry", m.entry},
          {"median_seconds", m.median},
          {"best_seconds", m.best},
          {"sgemm_flops_per_second", m.sgemmFlops},
          {"gemm_flops_per_second", m.gemmFlopsPerSecond},
          {"seconds_by_kind", m.kinds}};
}

Result<int> bench(const BenchOptions &options) {
  auto session = Session::open(options);
  if (!session)
    return forward(session);
  if (auto initialized = (*session)->initialize(0, ""); !initialized)
    return forward(initialized);
  std::vector<std::string> names;
  for (const program::Entry *entry : *(*session)->program().entries())
    if (options.entry.empty() ? entry->name()->str() != "init"
                              : entry->name()->str() == options.entry)
      names.push_back(entry->name()->str());
  if (names.empty())
    names.push_back(options.entry); // for its error
  LargeProduct reference((*session)->executor().threads());
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::string &name : names) {
    Result<Measurement> measurement = measure(**session, name, reference, options);
    if (!measurement)
      return forward(measurement);
    options.json ? all.push_back(toJson(*measurement)) : printText(*measurement);
  }
  if (options.json)
    fmt::print("{}\n", nlohmann::ordered_json{{"threads", options.threads},
                                              {"repetitions", options.repetitions},
                                              {"peak_resident_bytes", peakResidentBytes()},
                                              {"entries", all}}
                           .dump(2));
  else
    fmt::print("{} threads, {} repetitions; peak resident memory {}\n", options.threads,
               options.repetitions, formatBytes(peakResidentBytes()));
  return 0;
}

} // namespace

void addBench(CLI::App &app, Command &run) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App *command = app.add_subcommand("bench", "times entries on random inputs");
  options->add(*command);
  command->add_option("entry", options->entry, "entry to run; default: all but init");
  command->add_option("--repetitions", options->repetitions, "timed runs; default: 9")
      ->check(CLI::Range(1, 1000000));
  command->add_option("--warm-up", options->warmUp, "runs before; default: 2")
      ->check(CLI::Range(0, 1000000));
  command->add_flag("--json", options->json, "as JSON");
  command->callback([=, &run] { run = [=] { return bench(*options); }; });
}

} // namespace stc::run

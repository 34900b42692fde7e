//===- Bench.cpp - stc-run bench: how long the entries take and where ----------------------===//
#include "runtime/Device/Host/LargeProduct.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/Philox.h"
#include "runtime/Support/Units.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"
#include "tools/stc-run/TensorFiles.h"
#include "tools/stc-run/Trace.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

namespace stc::run {

using namespace runtime;
using program::DType;

namespace {

struct BenchOptions : SessionOptions {
  std::string entry;
  std::vector<std::string> inputs;
  int repetitions = 9, warmUp = 2;
  bool json = false;
  std::string trace;
};

struct Measurement {
  std::string entry;
  double median = 0, best = 0;
  /// The large product on the same threads, measured between the repetitions, where that is on the
  /// host.
  std::optional<double> sgemmFlops;
  /// Seconds of one run by kind of work, from profiled runs.
  std::map<std::string, double> kinds;
  double gemmFlopsPerSecond = 0;
  /// Seconds of each step of the last profiled run.
  std::vector<double> steps;
};

// Random numbers for floating point, bytes for integers; a scalar that names a position gets the
// last one, where most is to be done.
std::vector<std::byte> randomInput(const program::Tensor &input, const Settings &settings) {
  std::vector<std::byte> data(bytes(input));
  auto fill = [&]<class T>(T, auto value) {
    for (int64_t i = 0, count = elements(input); i < count; ++i) {
      PhiloxWords words =
          philox({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32), 0, 0}, input.offset());
      T element = static_cast<T>(value(uniform(words[0], words[1])));
      std::memcpy(data.data() + i * sizeof(T), &element, sizeof(T));
    }
  };
  auto real = [](double u) { return 2 * u - 1; };
  auto narrowReal = [&](double u) { return narrow(input.dtype(), static_cast<float>(real(u))); };
  int64_t last = settings.integer("data.context", 1).value_or(1) - 1;
  auto integer = [&](double u) {
    if (input.shape()->size() > 0)
      return static_cast<int64_t>(u * 256);
    std::string_view name = input.name()->string_view();
    return name == "position" || name == "last" ? last : 0;
  };
  if (input.dtype() == DType::F32)
    fill(float(), real);
  else if (input.dtype() == DType::F64)
    fill(double(), real);
  else if (isNarrow(input.dtype()))
    fill(uint16_t(), narrowReal);
  else if (input.dtype() == DType::I32)
    fill(int32_t(), integer);
  else if (input.dtype() == DType::I64)
    fill(int64_t(), integer);
  else if (input.dtype() == DType::U8)
    fill(uint8_t(), integer);
  return data;
}

std::vector<std::vector<std::byte>> randomInputs(const program::Program &program,
                                                 const program::Entry &entry) {
  Settings settings(program);
  std::vector<std::vector<std::byte>> inputs;
  for (const program::Tensor *input : *entry.inputs())
    inputs.push_back(randomInput(*input, settings));
  return inputs;
}

/// An entry on some inputs.
class Bench {
public:
  Bench(Executor &executor, uint32_t index, std::vector<std::vector<std::byte>> inputs)
      : executor(executor), index(index), entry(*executor.program().entries()->Get(index)),
        inputs(std::move(inputs)) {}

  /// Seconds of one run.
  Result<double> run(Profile *profile = nullptr) {
    // Inputs may share memory with what the last run computed.
    for (uint32_t k = 0; k < inputs.size(); ++k)
      if (auto written = executor.write(*entry.inputs()->Get(k), inputs[k]); !written)
        return forward(written);
    return executor.time(index, profile);
  }

private:
  Executor &executor;
  uint32_t index;
  const program::Entry &entry;
  std::vector<std::vector<std::byte>> inputs;
};

/// `reference` may be null.
Result<Measurement> measure(Session &session, const std::string &name, LargeProduct *reference,
                            const BenchOptions &options) {
  Result<uint32_t> index = session.entry(name);
  if (!index)
    return forward(index);
  Executor &executor = session.executor();
  const program::Entry &entry = *executor.program().entries()->Get(*index);
  Result<std::vector<std::vector<std::byte>>> inputs = options.inputs.empty()
                                                           ? randomInputs(executor.program(), entry)
                                                           : readInputs(entry, options.inputs);
  if (!inputs)
    return forward(inputs);
  Bench bench(executor, *index, std::move(*inputs));
  std::vector<double> times, references;
  for (int i = -options.warmUp; i < options.repetitions; ++i) {
    Result<double> seconds = bench.run();
    if (!seconds)
      return forward(seconds);
    double product = reference ? reference->seconds() : 0;
    if (i < 0)
      continue;
    times.push_back(*seconds);
    references.push_back(product);
  }
  Profile profile;
  int profiled = std::max(1, options.repetitions / 3);
  for (int i = 0; i < profiled; ++i)
    if (Result<double> seconds = bench.run(&profile); !seconds)
      return forward(seconds);

  Measurement result{name, median(times),           *std::ranges::min_element(times), {}, {},
                     0,    std::move(profile.steps)};
  if (reference)
    result.sgemmFlops = LargeProduct::flops / median(references);
  const auto &kernels = *session.program().kernels();
  for (uint32_t kernel = 0; kernel < profile.kernels.size(); ++kernel)
    if (profile.kernels[kernel] > 0)
      result.kinds[kernels.Get(kernel)->kind()->str()] += profile.kernels[kernel] / profiled;
  if (profile.gemm > 0) {
    result.kinds["gemm"] = profile.gemm / profiled;
    result.gemmFlopsPerSecond = profile.gemmFlops / profile.gemm;
  }
  if (profile.copy > 0)
    result.kinds["copy"] = profile.copy / profiled;
  return result;
}

void printText(const Measurement &m) {
  fmt::print("{}: median {:.3f} ms, best {:.3f} ms{}\n", m.entry, m.median * 1e3, m.best * 1e3,
             m.sgemmFlops ? fmt::format("; sgemm of {} cubed {}", LargeProduct::size,
                                        formatRate(*m.sgemmFlops))
                          : "");
  std::vector<std::pair<std::string, double>> kinds(m.kinds.begin(), m.kinds.end());
  std::ranges::sort(kinds, [](const auto &a, const auto &b) { return a.second > b.second; });
  double total = 0;
  for (const auto &[kind, seconds] : kinds)
    total += seconds;
  for (const auto &[kind, seconds] : kinds)
    fmt::print("  {:<16} {:10.3f} ms {:5.1f} %{}\n", kind, seconds * 1e3, 100 * seconds / total,
               kind == "gemm" ? "  " + formatRate(m.gemmFlopsPerSecond) : "");
}

nlohmann::ordered_json toJson(const Measurement &m) {
  nlohmann::ordered_json json = {
      {"entry", m.entry}, {"median_seconds", m.median}, {"best_seconds", m.best}};
  if (m.sgemmFlops)
    json["sgemm_flops_per_second"] = *m.sgemmFlops;
  if (m.sgemmFlops || m.gemmFlopsPerSecond > 0)
    json["gemm_flops_per_second"] = m.gemmFlopsPerSecond;
  json["seconds_by_kind"] = m.kinds;
  return json;
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
  std::optional<LargeProduct> reference;
  if (!(*session)->gpu())
    reference.emplace((*session)->threads());
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::vector<TracedRun> runs;
  for (const std::string &name : names) {
    Result<Measurement> measurement =
        measure(**session, name, reference ? &*reference : nullptr, options);
    if (!measurement)
      return forward(measurement);
    options.json ? all.push_back(toJson(*measurement)) : printText(*measurement);
    const auto &entries = *(*session)->program().entries();
    runs.push_back({entries.Get(*(*session)->entry(name)), std::move(measurement->steps)});
  }
  if (!options.trace.empty())
    if (auto written = writeTrace(options.trace, (*session)->program(), runs); !written)
      return forward(written);
  if (options.json) {
    nlohmann::ordered_json json;
    if (const cuda::Device *gpu = (*session)->gpu())
      json["gpu"] = gpu->name();
    else
      json["threads"] = options.threads;
    json["repetitions"] = options.repetitions;
    json["peak_resident_bytes"] = peakResidentBytes();
    json["entries"] = all;
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  fmt::print("{}, {} repetitions; peak resident memory {}\n", (*session)->executor().device(),
             options.repetitions, formatBytes(peakResidentBytes()));
  return 0;
}

} // namespace

void addBench(CLI::App &app, Command &run) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App *command = app.add_subcommand("bench", "times entries, on random inputs");
  options->add(*command);
  command->add_option("entry", options->entry, "entry to run; default: all but init");
  command->add_option("--inputs", options->inputs,
                      "a .npy file for each input, in order, in place of random numbers");
  command->add_option("--repetitions", options->repetitions, "timed runs; default: 9")
      ->check(CLI::Range(1, 1000000));
  command->add_option("--warm-up", options->warmUp, "runs before; default: 2")
      ->check(CLI::Range(0, 1000000));
  command->add_flag("--json", options->json, "as JSON");
  command->add_option("--trace", options->trace,
                      "a file for the steps of one run of each entry, for Perfetto");
  command->callback([=, &run] { run = [=] { return bench(*options); }; });
}

} // namespace stc::run

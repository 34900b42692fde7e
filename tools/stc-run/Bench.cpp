//===- Bench.cpp - stc-run bench: how long the entries take and where ----------------------===//
#include "runtime/Device/Cuda/Ceilings.h"
#include "runtime/Device/Host/Ceilings.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/Parts.h"
#include "runtime/Program/Steps.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/Philox.h"
#include "runtime/Support/Text.h"
#include "runtime/Support/Units.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"
#include "tools/stc-run/TensorFiles.h"
#include "tools/stc-run/Trace.h"

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
  bool json = false, noCeilings = false;
  std::string trace;
};

/// The kind of steps that go on beside others on a device; none is empty.
std::string kindBeside(const Executor &executor) {
  return executor.exchangesBeside() ? "exchange" : "";
}

/// What steps of one kind take in one run, and what they have to do.
struct KindTime {
  double seconds = 0;
  WorkSum work;
};

struct Measurement {
  const program::Entry *entry;
  double median = 0, best = 0;
  /// Measured between the repetitions, on the same device; nothing where that was not possible.
  std::optional<Rates> ceilings;
  /// From runs whose steps are timed one by one.
  std::map<std::string, KindTime> kinds;
  /// A kind that goes on beside the others, whose time they hide but for "wait".
  std::string beside;
  /// Seconds of each step of the last of these.
  std::vector<double> steps;
  /// Bytes that this device got of others in the last of these.
  uint64_t received = 0;
};

/// The share of a ceiling that work reaches, of the one that it is nearer to.
struct Bound {
  std::string_view ceiling;
  double share;
};
Bound boundOf(const KindTime &kind, const Rates &ceilings) {
  double products = double(kind.work.flops) / kind.seconds / ceilings.flops;
  double memory = double(kind.work.bytes) / kind.seconds / ceilings.bytes;
  return products > memory ? Bound{"products", products} : Bound{"memory", memory};
}

// Random numbers for floating point, bytes for integers that are as large; a scalar that is an
// index gets the last one, where most is to be done.
std::vector<std::byte> randomInput(const program::Program &program, const program::Tensor &input) {
  std::vector<std::byte> data(wholeBytes(program, input));
  auto fill = [&]<class T>(T, auto value) {
    for (int64_t i = 0, count = data.size() / sizeof(T); i < count; ++i) {
      PhiloxWords words =
          philox({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32), 0, 0}, input.offset());
      T element = static_cast<T>(value(uniform(words[0], words[1])));
      std::memcpy(data.data() + i * sizeof(T), &element, sizeof(T));
    }
  };
  auto real = [](double u) { return 2 * u - 1; };
  auto narrowReal = [&](double u) { return narrow(input.dtype(), static_cast<float>(real(u))); };
  const int64_t values = input.below() > 0 ? std::min<int64_t>(input.below(), 256) : 256;
  auto integer = [&](double u) {
    if (input.shape()->size() > 0)
      return static_cast<int64_t>(u * static_cast<double>(values));
    return std::max<int64_t>(input.below() - 1, 0);
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
  std::vector<std::vector<std::byte>> inputs;
  for (const program::Tensor *input : *entry.inputs())
    inputs.push_back(randomInput(program, *input));
  return inputs;
}

/// An entry on some inputs.
class Bench {
public:
  Bench(Executor &executor, uint32_t index, std::vector<std::vector<std::byte>> inputs)
      : executor(executor), index(index), entry(*executor.program().entries()->Get(index)),
        inputs(std::move(inputs)) {}

  /// Seconds of one run.
  Result<double> run(std::vector<double> *steps = nullptr) {
    // Inputs may share memory with what the last run computed.
    for (uint32_t k = 0; k < inputs.size(); ++k)
      if (auto written = executor.writeWhole(*entry.inputs()->Get(k), inputs[k]); !written)
        return forward(written);
    return executor.time(index, steps);
  }

private:
  Executor &executor;
  uint32_t index;
  const program::Entry &entry;
  std::vector<std::vector<std::byte>> inputs;
};

/// `ceilings` may be null.
Result<Measurement> measure(Session &session, const std::string &name, Ceilings *ceilings,
                            const BenchOptions &options) {
  Result<uint32_t> index = session.entry(name);
  if (!index)
    return forward(index);
  Executor &executor = session.executor();
  const program::Entry &entry = *executor.program().entries()->Get(*index);
  Result<std::vector<std::vector<std::byte>>> inputs =
      options.inputs.empty() ? randomInputs(executor.program(), entry)
                             : readInputs(executor.program(), entry, options.inputs);
  if (!inputs)
    return forward(inputs);
  Bench bench(executor, *index, std::move(*inputs));
  std::vector<double> times, flops, bytes;
  for (int i = -options.warmUp; i < options.repetitions; ++i) {
    Result<double> seconds = bench.run();
    if (!seconds)
      return forward(seconds);
    Result<Rates> rates = ceilings ? ceilings->measure() : Rates();
    if (!rates)
      return forward(rates);
    if (i < 0)
      continue;
    times.push_back(*seconds);
    flops.push_back(rates->flops);
    bytes.push_back(rates->bytes);
  }
  Measurement result{&entry, median(times), *std::ranges::min_element(times), {}, {}, {}, {}, 0};
  if (ceilings)
    result.ceilings = {median(flops), median(bytes)};

  result.beside = kindBeside(executor);
  int profiled = std::max(1, options.repetitions / 3);
  for (int i = 0; i < profiled; ++i) {
    const uint64_t before = executor.received();
    if (Result<double> seconds = bench.run(&result.steps); !seconds)
      return forward(seconds);
    result.received = executor.received() - before;
    for (uint32_t k = 0; k < result.steps.size(); ++k)
      result.kinds[nameOf(session.program(), *entry.steps()->Get(k)).kind].seconds +=
          result.steps[k] / profiled;
  }
  for (const auto &[kind, work] : workByKind(session.program(), entry))
    result.kinds[kind].work = work;
  return result;
}

double totalSeconds(const Measurement &m) {
  double total = 0;
  for (const auto &[kind, time] : m.kinds)
    total += kind == m.beside ? 0 : time.seconds;
  return total;
}

void printText(const Measurement &m, const program::Program &program, const Ceilings *ceilings) {
  fmt::print("{}: median {:.3f} ms, best {:.3f} ms\n", forTerminal(m.entry->name()->string_view()),
             m.median * 1e3, m.best * 1e3);
  if (double flops = double(m.entry->model_flops()); flops > 0) {
    fmt::print("  the model: {} at {}", formatOperations(flops), formatRate(flops / m.median));
    if (m.ceilings)
      fmt::print(", {:.1f} % utilization", 100 * flops / m.median / m.ceilings->flops);
    fmt::print("\n");
  }
  if (m.ceilings)
    fmt::print("  ceilings: products {} ({} cubed, {}), memory {} ({} read and written)\n",
               formatRate(m.ceilings->flops), ceilings->productSize(),
               dtypeName(productType(program)), formatByteRate(m.ceilings->bytes),
               formatBytes(ceilings->copyBytes()));
  std::vector<std::pair<std::string, KindTime>> kinds(m.kinds.begin(), m.kinds.end());
  std::ranges::sort(
      kinds, [](const auto &a, const auto &b) { return a.second.seconds > b.second.seconds; });
  const double total = totalSeconds(m);
  for (const auto &[kind, time] : kinds) {
    std::string rates, bound;
    if (time.work.isCounted && time.seconds > 0) {
      rates = fmt::format("{:>15} {:>13}",
                          time.work.flops ? formatRate(double(time.work.flops) / time.seconds) : "",
                          formatByteRate(double(time.work.bytes) / time.seconds));
      if (m.ceilings) {
        Bound of = boundOf(time, *m.ceilings);
        bound = fmt::format("  {:5.1f} % of {}", 100 * of.share, of.ceiling);
      }
    }
    const std::string share =
        kind == m.beside ? " beside" : fmt::format("{:5.1f} %", 100 * time.seconds / total);
    fmt::print("  {:<12} {:10.3f} ms {}{}{}\n", forTerminal(kind), time.seconds * 1e3, share, rates,
               bound);
  }
  if (m.received)
    fmt::print("  received from other devices: {}\n", formatBytes(m.received));
}

nlohmann::ordered_json toJson(const Measurement &m, const program::Program &program,
                              const Ceilings *ceilings) {
  nlohmann::ordered_json json = {
      {"entry", m.entry->name()->str()}, {"median_seconds", m.median}, {"best_seconds", m.best}};
  if (uint64_t flops = m.entry->model_flops()) {
    json["model_flops"] = flops;
    json["model_flops_per_second"] = double(flops) / m.median;
    if (m.ceilings)
      json["model_flop_utilization"] = double(flops) / m.median / m.ceilings->flops;
  }
  if (m.ceilings)
    json["ceilings"] = {{"product_dtype", dtypeName(productType(program))},
                        {"product_size", ceilings->productSize()},
                        {"flops_per_second", m.ceilings->flops},
                        {"copy_bytes", ceilings->copyBytes()},
                        {"bytes_per_second", m.ceilings->bytes}};
  const double total = totalSeconds(m);
  json["kinds"] = nlohmann::ordered_json::object();
  for (const auto &[kind, time] : m.kinds) {
    nlohmann::ordered_json &of = json["kinds"][kind];
    of = {{"seconds", time.seconds}};
    if (kind == m.beside)
      of["beside"] = true;
    else
      of["share"] = time.seconds / total;
    if (!time.work.isCounted || time.seconds <= 0)
      continue;
    of["flops"] = time.work.flops;
    of["bytes"] = time.work.bytes;
    of["flops_per_second"] = double(time.work.flops) / time.seconds;
    of["bytes_per_second"] = double(time.work.bytes) / time.seconds;
    if (!m.ceilings)
      continue;
    Bound bound = boundOf(time, *m.ceilings);
    of["ceiling"] = bound.ceiling;
    of["ceiling_share"] = bound.share;
  }
  if (program.axes())
    json["received_bytes"] = m.received;
  return json;
}

/// Of the session's device.
Result<std::unique_ptr<Ceilings>> makeCeilings(Session &session) {
  const program::DType dtype = productType(session.program());
  if (const cuda::Device *gpu = session.gpu())
    return cuda::GpuCeilings::create(*gpu, dtype);
  return HostCeilings::create(session.threads(), dtype);
}

Result<int> benchIn(Session &session, const BenchOptions &options) {
  // Known before anything is run.
  std::optional<AtomicFile> trace;
  if (!options.trace.empty() && session.executor().isFirst()) {
    Result<AtomicFile> file = AtomicFile::create(options.trace);
    if (!file)
      return forward(file);
    trace.emplace(std::move(*file));
  }
  const program::Program &program = session.program();
  std::unique_ptr<Ceilings> ceilings;
  if (!options.noCeilings) {
    Result<std::unique_ptr<Ceilings>> made = makeCeilings(session);
    if (made)
      ceilings = std::move(*made);
    else
      warn("nothing to compare with: " + made.error().message);
  }
  if (auto initialized = session.initialize(0, ""); !initialized)
    return forward(initialized);
  std::vector<std::string> names;
  for (const program::Entry *entry : *program.entries())
    if (options.entry.empty() ? entry->name()->str() != "init"
                              : entry->name()->str() == options.entry)
      names.push_back(entry->name()->str());
  if (names.empty())
    names.push_back(options.entry); // for its error
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::vector<TracedRun> runs;
  for (const std::string &name : names) {
    Result<Measurement> measurement = measure(session, name, ceilings.get(), options);
    if (!measurement)
      return forward(measurement);
    options.json ? all.push_back(toJson(*measurement, program, ceilings.get()))
                 : printText(*measurement, program, ceilings.get());
    runs.push_back({measurement->entry, std::move(measurement->steps)});
  }
  if (trace)
    if (auto written = writeTrace(*trace, program, runs, kindBeside(session.executor())); !written)
      return forward(written);
  // What there is to compare with is no part of the program.
  const uint64_t peak = peakResidentBytes() - (ceilings ? ceilings->residentBytes() : 0);
  if (options.json) {
    nlohmann::ordered_json json;
    if (const cuda::Device *gpu = session.gpu())
      json["gpu"] = gpu->name();
    else
      json["threads"] = options.threads;
    json["repetitions"] = options.repetitions;
    json["peak_resident_bytes"] = peak;
    json["entries"] = all;
    auto replace = nlohmann::ordered_json::error_handler_t::replace;
    fmt::print("{}\n", json.dump(2, ' ', /*ensure_ascii=*/true, replace));
    return 0;
  }
  fmt::print("{}, {} repetitions; peak resident memory {}\n", session.executor().device(),
             options.repetitions, formatBytes(peak));
  return 0;
}

Result<int> bench(const BenchOptions &options) {
  // Known before a large program is bound to its device.
  if (!options.trace.empty())
    if (auto checked = AtomicFile::check(options.trace); !checked)
      return forward(checked);
  return withSession(options, [&](Session &session) { return benchIn(session, options); });
}

} // namespace

void addBench(CLI::App &app, Command &run) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App *command = cli::addCommand(app, "bench", "times entries, on random inputs");
  options->add(*command);
  command->add_option("entry", options->entry, "entry to run; default: all but init");
  command->add_option("--inputs", options->inputs,
                      "a .npy file for each input, in order, in place of random numbers");
  cli::addNumber(*command, "--repetitions", options->repetitions, "timed runs; default: 9",
                 {1, 1000000});
  cli::addNumber(*command, "--warm-up", options->warmUp, "runs before; default: 2", {0, 1000000});
  command->add_flag("--json", options->json, "as JSON");
  command->add_flag("--no-ceilings", options->noCeilings,
                    "do not measure what the device comes to at best, for runs in a profiler");
  command->add_option("--trace", options->trace,
                      "a file for the steps of one run of each entry, for Perfetto");
  cli::addExample(*command, "stc-run bench out/text-small.stcp train_step --repetitions 5");
  options->wanted = [own = options.get()](std::string_view entry) {
    return entry == "init" || own->entry.empty() || entry == own->entry;
  };
  command->callback([=, &run] { run = [=] { return bench(*options); }; });
}

} // namespace stc::run

//===- Eval.cpp - stc-run eval ------------------------------------------------------------===//
#include "runtime/Support/Interrupt.h"
#include "runtime/Support/Units.h"
#include "runtime/Train/Evaluate.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"

#include <cstdio>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

namespace stc::run {

using namespace runtime;
using nlohmann::ordered_json;

namespace {

struct EvalOptions : SessionOptions {
  DataOptions data{{}, Part::Test};
  std::string weights;
  int64_t windows = std::numeric_limits<int64_t>::max();
  bool byPosition = false, json = false;
  int64_t buckets = 0;
  std::vector<int64_t> contexts;
};

class EvalRun {
public:
  EvalRun(Session &session, Evaluator evaluator, ByteData data, const EvalOptions &options)
      : evaluator(std::move(evaluator)), data(std::move(data)), options(options),
        unit(bitsUnit(*Settings(session.program()).text("data.kind", "text"))) {}

  Result<void> run() { return options.contexts.empty() ? runMean() : runContexts(); }

private:
  Result<void> runMean();
  Result<void> runContexts();
  void printPositions(const Evaluation &evaluation) const;

  Evaluator evaluator;
  ByteData data;
  const EvalOptions &options;
  std::string unit;
};

ordered_json toJson(const BitsMean &bits) {
  return {{"bits_per_byte", bits.mean()},
          {"standard_error", bits.standardError()},
          {"bytes", bits.bytes()}};
}

} // namespace

void EvalRun::printPositions(const Evaluation &evaluation) const {
  fmt::print("\n{:>16} {:>10} {:>10} {:>14}\n", "position", unit, "std. error", "bytes");
  for (const auto &[first, end, bits] : evaluation.positions)
    fmt::print("{:>16} {:>10.4f} {:>10.4f} {:>14}\n",
               end - first == 1 ? std::to_string(first) : fmt::format("{}-{}", first, end - 1),
               bits.mean(), bits.standardError(), formatCount(bits.bytes()));
}

Result<void> EvalRun::runMean() {
  std::vector<int64_t> starts;
  if (options.byPosition)
    starts = options.buckets > 0 ? equalBuckets(evaluator.window(), options.buckets)
                                 : powersOfTwo(evaluator.window());
  Result<Evaluation> result = evaluator.run(data, options.windows, starts);
  if (!result)
    return forward(result);
  if (!options.json) {
    fmt::print("{:.4f} +- {:.4f} {} over {} bytes ({} windows of {})\n", result->bitsPerByte,
               result->standardError, unit, formatCount(result->bytes),
               formatCount(result->windows), evaluator.window());
    if (options.byPosition)
      printPositions(*result);
    return {};
  }
  ordered_json json = {{"bits_per_byte", result->bitsPerByte},
                       {"standard_error", result->standardError},
                       {"unit", unit},
                       {"windows", result->windows},
                       {"bytes", result->bytes}};
  for (const auto &[first, end, bits] : result->positions) {
    ordered_json row = {{"first", first}, {"end", end}};
    row.update(toJson(bits));
    json["by_position"].push_back(row);
  }
  fmt::print("{}\n", json.dump(2));
  return {};
}

Result<void> EvalRun::runContexts() {
  // Rows come one by one: a long context takes long.
  bool header = false;
  auto show = [&](const ContextBits &row) {
    if (!header)
      fmt::print("{:>10} {:>10} {:>10} {:>18} {:>10} {:>14}\n", "context", unit, "std. error",
                 fmt::format("change from {}", row.context), "std. error", "bytes");
    header = true;
    fmt::print("{:>10} {:>10.4f} {:>10.4f} {:>+18.4f} {:>10.4f} {:>14}\n", row.context,
               row.bitsPerByte, row.standardError, row.change, row.changeError,
               formatCount(row.bytes));
    std::fflush(stdout);
  };
  Result<std::vector<ContextBits>> rows = evaluator.runContexts(
      data, options.contexts, options.windows,
      options.json ? std::function<void(const ContextBits &)>() : std::function(show));
  if (!rows)
    return forward(rows);
  if (!options.json)
    return {};
  ordered_json all = ordered_json::array();
  for (const ContextBits &row : *rows)
    all.push_back({{"context", row.context},
                   {"bits_per_byte", row.bitsPerByte},
                   {"standard_error", row.standardError},
                   {"change", row.change},
                   {"change_standard_error", row.changeError},
                   {"bytes", row.bytes}});
  fmt::print(
      "{}\n",
      ordered_json{{"unit", unit}, {"window", evaluator.window()}, {"contexts", all}}.dump(2));
  return {};
}

static Result<int> evalIn(Session &session, const EvalOptions &options) {
  auto evaluator = Evaluator::create(session.executor());
  if (!evaluator)
    return forward(evaluator);
  if (auto enough = session.requireMemory(evaluator->entry()); !enough)
    return forward(enough);
  auto data = ByteData::open(options.data.path, options.data.part, Settings(session.program()),
                             evaluator->window());
  if (!data)
    return forward(data);
  if (auto initialized = session.initialize(0, options.weights); !initialized)
    return forward(initialized);
  catchInterrupts();
  if (auto run = EvalRun(session, std::move(*evaluator), std::move(*data), options).run(); !run)
    return forward(run);
  int signal = pendingInterrupt();
  return signal ? 128 + signal : 0;
}

static Result<int> eval(const EvalOptions &options) {
  return withSession(options, [&](Session &session) { return evalIn(session, options); });
}

void addEval(CLI::App &app, Command &run) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App *command = cli::addCommand(
      app, "eval", "prints the bits per byte (of images: per dimension) on held-out data");
  options->add(*command);
  options->data.add(*command);
  command
      ->add_option("--weights", options->weights,
                   "weights (.safetensors), a run's folder, or a checkpoint")
      ->required();
  cli::addNumber(*command, "--windows", options->windows,
                 "windows at most, with --contexts as many bytes; default: all of the part", {1});
  CLI::Option *byPosition =
      command->add_flag("--by-position", options->byPosition,
                        "also the mean by position in the window, in powers of two");
  cli::addNumber(*command, "--buckets", options->buckets,
                 "with --by-position: so many equal ranges of positions instead", {1})
      ->needs(byPosition);
  cli::addNumbers(*command, "--contexts", options->contexts,
                  "instead: the mean over predictions with at least so many bytes before them, "
                  "for each of these, such as 0,256,384; windows overlap",
                  {0})
      ->excludes(byPosition);
  command->add_flag("--json", options->json, "as JSON");
  cli::addExample(
      *command, "stc-run eval out/text-small.stcp --weights out/text-small --data data/gcide.txt");
  options->wanted = [](std::string_view entry) { return entry == "init" || entry == "eval"; };
  command->callback([=, &run] { run = [=] { return eval(*options); }; });
}

} // namespace stc::run

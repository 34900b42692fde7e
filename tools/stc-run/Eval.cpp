//===- Eval.cpp - stc-run eval ------------------------------------------------------------===//
#include "runtime/Support/Interrupt.h"
#include "runtime/Support/Units.h"
#include "runtime/Train/Evaluate.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

namespace stc::run {

using namespace runtime;

namespace {

struct EvalOptions : SessionOptions {
  DataOptions data{{}, Part::Test};
  std::string weights;
  int64_t windows = std::numeric_limits<int64_t>::max();
  bool json = false;
};

Result<int> eval(const EvalOptions &options) {
  auto session = Session::open(options);
  if (!session)
    return forward(session);
  auto evaluator = Evaluator::create((*session)->executor());
  if (!evaluator)
    return forward(evaluator);
  if (auto enough = (*session)->requireMemory(evaluator->entry()); !enough)
    return forward(enough);
  auto data = ByteData::open(options.data.path, options.data.part, Settings((*session)->program()),
                             evaluator->window());
  if (!data)
    return forward(data);
  if (auto initialized = (*session)->initialize(0, options.weights); !initialized)
    return forward(initialized);
  catchInterrupts();
  Result<Evaluation> result = evaluator->run(*data, options.windows);
  if (!result)
    return forward(result);
  if (options.json)
    fmt::print("{}\n", nlohmann::ordered_json{{"bits_per_byte", result->bitsPerByte},
                                              {"standard_error", result->standardError},
                                              {"windows", result->windows},
                                              {"bytes", result->bytes}}
                           .dump(2));
  else
    fmt::print("{:.4f} +- {:.4f} bits/byte over {} bytes ({} windows of {})\n", result->bitsPerByte,
               result->standardError, formatCount(result->bytes), formatCount(result->windows),
               evaluator->window());
  int signal = pendingInterrupt();
  return signal ? 128 + signal : 0;
}

} // namespace

void addEval(CLI::App &app, Command &run) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App *command = app.add_subcommand("eval", "prints the bits per byte on held-out bytes");
  options->add(*command);
  options->data.add(*command);
  command->add_option("--weights", options->weights, "weights (.safetensors)")->required();
  command->add_option("--windows", options->windows, "windows at most; default: all of the part")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", options->json, "as JSON");
  command->callback([=, &run] { run = [=] { return eval(*options); }; });
}

} // namespace stc::run

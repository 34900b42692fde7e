//===- Train.cpp - stc-run train ----------------------------------------------------------===//
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Support/Units.h"
#include "runtime/Train/Evaluate.h"
#include "runtime/Train/Progress.h"
#include "runtime/Train/Trainer.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <optional>

namespace stc::run {

using namespace runtime;

namespace {

struct TrainOptions : SessionOptions {
  DataOptions data{{}, Part::Train};
  std::string out, weights;
  std::optional<int64_t> steps, seed;
  int64_t evalEvery = 0, evalWindows = 64, saveEvery = 1000;
};

/// The weights of a run: where they go and which step they are of.
class WeightsFile {
public:
  WeightsFile(Executor &executor, const std::string &folder)
      : executor(executor), path(folder + "/weights.safetensors") {}

  // Finds out now, not after hours, that the folder cannot be written.
  Result<void> prepare(const std::string &folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
      return fail(fmt::format("{}: cannot create: {}", folder, error.message()), ErrorKind::Io);
    if (auto file = AtomicFile::create(path); !file)
      return forward(file);
    return {};
  }

  Result<void> save(int64_t step) {
    if (step == savedStep)
      return {};
    auto saved = saveWeights(executor, path);
    if (saved)
      savedStep = step;
    return saved;
  }

  std::string describe() const {
    return savedStep == 0 ? "no weights were written"
                          : fmt::format("{} has the weights of step {}", path, savedStep);
  }

private:
  Executor &executor;
  std::string path;
  int64_t savedStep = 0;
};

class TrainRun {
public:
  TrainRun(Session &session, const TrainOptions &options)
      : session(session), options(options), settings(session.program()),
        weights(session.executor(), options.out) {}

  Result<int> run();

private:
  Result<void> prepare();
  Result<void> loop();
  Result<void> evaluate(int64_t step);
  void summarize() const;

  Session &session;
  const TrainOptions &options;
  Settings settings;
  WeightsFile weights;
  int64_t steps = 0, seed = 0, done = 0;
  std::optional<Trainer> trainer;
  std::optional<Evaluator> evaluator;
  std::optional<ByteData> data, heldOut;
  std::optional<Progress> progress;
};

template <class T> Result<void> take(Result<T> result, std::optional<T> &target) {
  if (!result)
    return forward(result);
  target.emplace(std::move(*result));
  return {};
}

} // namespace

Result<void> TrainRun::prepare() {
  Executor &executor = session.executor();
  if (auto taken = take(Trainer::create(executor), trainer); !taken)
    return taken;
  if (auto enough = session.requireMemory(trainer->entry()); !enough)
    return enough;
  Result<int64_t> stepsSetting = settings.integer("train.steps", options.steps);
  Result<int64_t> seedSetting = settings.integer("train.seed", 0);
  for (auto *setting : {&stepsSetting, &seedSetting})
    if (!*setting)
      return forward(*setting);
  steps = options.steps.value_or(*stepsSetting);
  seed = options.seed.value_or(*seedSetting);
  if (auto taken = take(
          ByteData::open(options.data.path, options.data.part, settings, trainer->window()), data);
      !taken)
    return taken;
  if (options.evalEvery > 0) {
    if (auto taken = take(Evaluator::create(executor), evaluator); !taken)
      return taken;
    if (auto taken = take(
            ByteData::open(options.data.path, Part::Valid, settings, evaluator->window()), heldOut);
        !taken)
      return taken;
  }
  if (auto prepared = weights.prepare(options.out); !prepared)
    return prepared;
  return session.initialize(seed, options.weights);
}

Result<void> TrainRun::evaluate(int64_t step) {
  Result<Evaluation> evaluation = evaluator->run(*heldOut, options.evalWindows);
  if (!evaluation)
    return forward(evaluation);
  if (evaluation->windows > 0)
    progress->note(fmt::format("step {}: held-out {:.4f} +- {:.4f} bits/byte", step,
                               evaluation->bitsPerByte, evaluation->standardError));
  return {};
}

Result<void> TrainRun::loop() {
  for (int64_t step = 1; step <= steps && !pendingInterrupt(); ++step) {
    Result<StepReport> report = trainer->step(step, *data, seed);
    if (!report)
      return forward(report);
    done = step;
    progress->show(*report);
    if (step % options.saveEvery == 0)
      if (auto saved = weights.save(step); !saved)
        return saved;
    if (evaluator && (step % options.evalEvery == 0 || step == steps))
      if (auto evaluated = evaluate(step); !evaluated)
        return evaluated;
  }
  return done > 0 ? weights.save(done) : Result<void>();
}

void TrainRun::summarize() const {
  double seconds = progress->elapsedSeconds();
  fmt::print("{} steps in {}; reading data took {:.3f} s ({:.2f} %)\n", done,
             formatDuration(seconds), trainer->dataSeconds(),
             100 * trainer->dataSeconds() / std::max(seconds, 1e-9));
  fmt::print("peak resident memory {}, planned {}\n", formatBytes(peakResidentBytes()),
             formatBytes(session.program().entries()->Get(trainer->entry())->peak_bytes() +
                         memoryNeed(session.program(), options.threads).scratch(options.threads)));
  fmt::print("{}\n", weights.describe());
}

Result<int> TrainRun::run() {
  catchInterrupts();
  if (auto prepared = prepare(); !prepared)
    return forward(prepared);
  fmt::print("training '{}': {} steps of {} x {} bytes on {} threads, {} windows an epoch\n",
             session.program().name()->str(), steps, trainer->batch(), trainer->window(),
             options.threads, formatCount(data->windowsPerEpoch()));
  progress.emplace(steps, trainer->batch() * trainer->window());
  Result<void> trained = loop();
  progress->finish();
  if (!trained)
    return fail(fmt::format("{}; {}", trained.error().message, weights.describe()),
                trained.error().kind);
  summarize();
  if (int signal = pendingInterrupt()) {
    fmt::print("stopped by a signal after step {} of {}\n", done, steps);
    return 128 + signal;
  }
  return 0;
}

void addTrain(CLI::App &app, Command &run) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App *command = app.add_subcommand("train", "trains a model on a file of bytes");
  options->add(*command);
  options->data.add(*command);
  command->add_option("--out", options->out, "folder for weights.safetensors")->required();
  command->add_option("--weights", options->weights, "weights (.safetensors) to start from");
  command->add_option("--steps", options->steps, "steps; default: train.steps of the program")
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", options->seed,
                      "of the first weights and the order of the data; default: train.seed");
  command
      ->add_option("--eval-every", options->evalEvery,
                   "steps between evaluations on the valid part; default: none")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--eval-windows", options->evalWindows, "windows of an evaluation; default: 64")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--save-every", options->saveEvery,
                   "steps between writes of the weights; default: 1000")
      ->check(CLI::PositiveNumber);
  command->callback([=, &run] {
    run = [=]() -> Result<int> {
      auto session = Session::open(*options);
      if (!session)
        return forward(session);
      return TrainRun(**session, *options).run();
    };
  });
}

} // namespace stc::run

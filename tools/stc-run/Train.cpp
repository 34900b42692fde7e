//===- Train.cpp - stc-run train ----------------------------------------------------------===//
#include "runtime/Checkpoint/RunFolder.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Program/Parts.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Sample/TrainingSamples.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Support/Output.h"
#include "runtime/Support/Text.h"
#include "runtime/Support/Units.h"
#include "runtime/Train/Evaluate.h"
#include "runtime/Train/Metrics.h"
#include "runtime/Train/Progress.h"
#include "runtime/Train/Trainer.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"

#include <bit>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace stc::run {

using namespace runtime;

namespace {

struct TrainOptions : SessionOptions {
  DataOptions data{{}, Part::Train};
  std::string out, weights;
  std::optional<int64_t> steps, seed, saveEvery;
  int64_t evalEvery = 0, evalWindows = 64, keep = 3, sampleEvery = 0;
  TrainingSamplesOptions samples;
  bool resume = false, fresh = false, allowOtherOrder = false, tensorBoard = false;
};

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// When to write a checkpoint: every so many steps, or every five minutes. Where a write takes
/// long, less often, so that no more than 4 % of the time goes into writing.
class SaveClock {
public:
  explicit SaveClock(std::optional<int64_t> everySteps) : everySteps(everySteps) {}

  bool due(int64_t step) const {
    if (everySteps)
      return step % *everySteps == 0;
    return secondsSince(last) >= std::max(300.0, 24 * lastTook);
  }
  void saved(double seconds) {
    last = Clock::now();
    lastTook = seconds;
    sum += seconds;
    ++number;
  }
  double seconds() const { return sum; }
  int64_t count() const { return number; }

private:
  std::optional<int64_t> everySteps;
  Clock::time_point last = Clock::now();
  double lastTook = 0, sum = 0;
  int64_t number = 0;
};

class TrainRun {
public:
  TrainRun(Session &session, const TrainOptions &options)
      : session(session), options(options), settings(session.program()), clock(options.saveEvery) {}

  Result<int> run();

private:
  Result<void> prepare();
  Result<void> openData();
  Result<void> openFolder();
  Result<void> resume(const Checkpoint &checkpoint);
  Result<void> start();
  Result<void> describeRun() const;
  Result<void> warnOfSchedule() const;
  Result<void> loop();
  Result<void> step();
  Result<bool> evaluate();
  Result<void> save();
  Result<void> writeState();
  void saveWhatIsGood();
  bool evaluationIsDue() const;
  /// What the processes of all devices agree on before each step.
  Result<void> agree();
  Result<std::optional<Checkpoint>> newestCheckpoint();
  Result<void> prepareSamples();
  Result<void> sample();
  void summarize() const;
  std::string describeWeights() const;

  Session &session;
  const TrainOptions &options;
  Settings settings;
  SaveClock clock;
  /// As of now, but for the seconds, which are those of the calls before this one.
  TrainingState state;
  int64_t firstStep = 0, savedStep = 0;
  /// The variables are those of a whole step, and no write of them has failed.
  bool worthSaving = true;
  /// A signal that one of the processes got, and whether it is time for a checkpoint.
  int signal = 0;
  bool saveIsDue = false;
  /// Of the first device's process, as are the metrics.
  std::optional<RunFolder> folder;
  bool writes() const { return session.executor().isFirst(); }
  std::optional<Trainer> trainer;
  std::optional<Evaluator> evaluator;
  std::optional<TrainingSamples> samples;
  std::optional<ByteData> data, heldOut;
  std::optional<Metrics> metrics;
  std::optional<Progress> progress;
  std::string unit;
};

template <class T> Result<void> take(Result<T> result, std::optional<T> &target) {
  if (!result)
    return forward(result);
  target.emplace(std::move(*result));
  return {};
}

void warn(const std::string &line) { say(stderr, "stc-run: warning: {}\n", line); }

std::string partName(Part part) {
  constexpr const char *names[] = {"train", "valid", "test", "all"};
  return names[static_cast<int>(part)];
}

} // namespace

Result<void> TrainRun::openData() {
  if (auto taken = take(
          ByteData::open(options.data.path, options.data.part, settings, trainer->window()), data);
      !taken)
    return taken;
  Result<std::string> split = settings.text("data.split", ""),
                      kind = settings.text("data.kind", "text");
  if (!split || !kind)
    return forward(split ? kind : split);
  unit = bitsUnit(*kind);
  state.data = options.data.path;
  state.order = {0, trainer->batch(), trainer->window(), data->bytes(),
                 partName(options.data.part)};
  if (options.data.part != Part::All && !split->empty())
    state.order.part += " of " + *split;
  Result<uint64_t> checksum = data->checksum();
  if (!checksum)
    return forward(checksum);
  state.order.checksum = fmt::format("{:016x}", *checksum);
  if (session.team())
    if (auto same = session.team()->control().agree(state.order.checksum, "data"); !same)
      return same;
  if (options.evalEvery == 0)
    return {};
  if (auto taken = take(Evaluator::create(session.executor()), evaluator); !taken)
    return taken;
  return take(ByteData::open(options.data.path, Part::Valid, settings, evaluator->window()),
              heldOut);
}

Result<void> TrainRun::openFolder() {
  if (!writes())
    return {};
  if (auto taken = take(RunFolder::open(options.out), folder); !taken)
    return taken;
  if (options.fresh)
    if (auto cleared = folder->clear(); !cleared)
      return cleared;
  std::vector<int64_t> checkpoints = folder->checkpoints();
  if (checkpoints.empty() && folder->hasWeights())
    return fail(fmt::format("{}: expected no weights, found weights.safetensors and no checkpoint "
                            "to go on from: choose another --out, or --fresh to throw them away",
                            options.out));
  if (!checkpoints.empty() && !options.resume)
    return fail(fmt::format("{}: expected no checkpoints, found that of step {}: --resume goes on "
                            "from it, another --out keeps it, --fresh throws it away",
                            options.out, checkpoints.back()));
  if (options.resume && checkpoints.empty())
    say("{} has no checkpoint to resume: starting from the first step\n", options.out);
  return {};
}

Result<void> TrainRun::resume(const Checkpoint &checkpoint) {
  const TrainingState &before = checkpoint.state();
  state.order.seed = options.seed.value_or(before.order.seed);
  SampleOrder order = before.order;
  if (order.checksum.empty())
    order.checksum = state.order.checksum;
  if (state.order != order) {
    std::string what = differences(order, state.order);
    if (!options.allowOtherOrder)
      return fail(fmt::format("{}: it was trained on other data, or in another order: {}; "
                              "--allow-other-order goes on all the same",
                              checkpoint.path(), what));
    say("the data is another, or comes in another order than before: {}\n", forTerminal(what));
  }
  if (auto loaded = checkpoint.load(session.executor()); !loaded)
    return loaded;
  if (!checkpoint.sameSpecification(session.program()))
    say("the program's specification is not that of {}\n", checkpoint.path());
  state.step = firstStep = savedStep = before.step;
  state.steps = options.steps.value_or(before.steps);
  state.seconds = before.seconds;
  state.evaluatedStep = before.evaluatedStep;
  state.best = before.best;
  // What a kill may have come before.
  return writes() ? folder->publish(state, options.keep) : Result<void>();
}

Result<void> TrainRun::start() {
  Result<int64_t> stepsSetting = settings.integer("train.steps", options.steps);
  Result<int64_t> seedSetting = settings.integer("train.seed", 0);
  for (auto *setting : {&stepsSetting, &seedSetting})
    if (!*setting)
      return forward(*setting);
  state.steps = options.steps.value_or(*stepsSetting);
  state.order.seed = options.seed.value_or(*seedSetting);
  return session.initialize(state.order.seed, options.weights);
}

// A cosine has fallen to 0 where the specification's steps end.
Result<void> TrainRun::warnOfSchedule() const {
  Result<std::string> decay = settings.text("train.decay", "none");
  Result<int64_t> scheduled = settings.integer("train.steps", 0);
  if (!decay || !scheduled)
    return decay ? forward(scheduled) : forward(decay);
  int64_t first = std::max(state.step, *scheduled) + 1;
  if (*decay == "cosine" && first <= state.steps)
    warn(fmt::format("the learning rate is 0 after step {}, where the specification's schedule "
                     "ends (train.steps): {} nothing",
                     *scheduled,
                     first == state.steps
                         ? fmt::format("step {} learns", first)
                         : fmt::format("steps {} to {} learn", first, state.steps)));
  return {};
}

// run.json: what people and plots want to know of a run.
Result<void> TrainRun::describeRun() const {
  if (!writes())
    return {};
  const program::Program &program = session.program();
  int64_t parameters = 0;
  for (const program::Tensor *tensor : variablesOf(program, VariableSet::Weights))
    parameters += wholeBytes(program, *tensor) / byteSize(tensor->dtype());
  auto settingsText = nlohmann::ordered_json::object();
  for (const program::Setting *setting : *program.settings())
    settingsText[setting->key()->str()] = setting->value()->str();
  nlohmann::ordered_json text = {{"program", program.name()->str()},
                                 {"parameters", parameters},
                                 {"settings", settingsText},
                                 {"data", state.data},
                                 {"seed", state.order.seed},
                                 {"steps", state.steps},
                                 {"device", session.executor().device()},
                                 {"devices", deviceCount(program)},
                                 {"threads", options.threads}};
  Result<AtomicFile> file = AtomicFile::create(folder->file("run.json"));
  if (!file)
    return forward(file);
  auto replace = nlohmann::ordered_json::error_handler_t::replace;
  if (auto written = file->write(text.dump(2, ' ', false, replace) + "\n"); !written)
    return written;
  return file->commit();
}

Result<void> TrainRun::prepare() {
  if (auto taken = take(Trainer::create(session.executor()), trainer); !taken)
    return taken;
  if (auto enough = session.requireMemory(trainer->entry()); !enough)
    return enough;
  if (auto opened = openData(); !opened)
    return opened;
  if (auto ready = prepareSamples(); !ready)
    return ready;
  if (auto opened = openFolder(); !opened)
    return opened;
  Result<std::optional<Checkpoint>> checkpoint = newestCheckpoint();
  if (!checkpoint)
    return forward(checkpoint);
  if (auto ready = *checkpoint ? resume(**checkpoint) : start(); !ready)
    return ready;
  if (writes())
    if (auto removed = removeTrainingSamples(options.out, state.step); !removed)
      return removed;
  if (auto known = warnOfSchedule(); !known)
    return known;
  if (auto described = describeRun(); !described)
    return described;
  if (!writes())
    return {};
  return take(Metrics::open(options.out, state.step, state.evaluatedStep, options.tensorBoard),
              metrics);
}

// The first process finds it, and sets damaged ones aside; all load it.
Result<std::optional<Checkpoint>> TrainRun::newestCheckpoint() {
  std::optional<Checkpoint> found;
  if (writes()) {
    Result<std::optional<Checkpoint>> newest = folder->newest(warn);
    if (!newest || !session.team())
      return newest;
    found = std::move(*newest);
  }
  Result<std::string> path = session.team()->control().broadcast(found ? found->path() : "");
  if (!path)
    return forward(path);
  if (!writes())
    if (auto seen = RunFolder::requireShared(options.out); !seen)
      return forward(seen);
  if (found || path->empty())
    return found;
  Result<Checkpoint> opened = Checkpoint::open(*path);
  return opened ? Result<std::optional<Checkpoint>>(std::move(*opened)) : forward(opened);
}

Result<void> TrainRun::prepareSamples() {
  if (options.sampleEvery == 0)
    return {};
  if (auto taken =
          take(TrainingSamples::create(session.executor(), options.out, options.samples), samples);
      !taken)
    return taken;
  for (uint32_t entry : samples->entries())
    if (auto enough = session.requireMemory(entry); !enough)
      return enough;
  return {};
}

// Where the step is one to sample after.
Result<void> TrainRun::sample() {
  if (!samples || signal || (state.step % options.sampleEvery != 0 && state.step != state.steps))
    return {};
  Result<std::string> drawn = samples->draw(state.step);
  if (!drawn)
    return forward(drawn);
  progress->note(fmt::format("step {}: sampled {}", state.step, *drawn));
  return {};
}

bool TrainRun::evaluationIsDue() const {
  return evaluator && state.evaluatedStep < state.step &&
         (state.step % options.evalEvery == 0 || state.step == state.steps);
}

// Returns whether it is the best so far. One that a signal cut short does not count: it is done
// when the run is resumed.
Result<bool> TrainRun::evaluate() {
  Result<Evaluation> evaluation = evaluator->run(*heldOut, options.evalWindows);
  if (!evaluation)
    return forward(evaluation);
  if (!evaluation->isWhole)
    return false;
  state.evaluatedStep = state.step;
  progress->note(fmt::format("step {}: held-out {:.4f} +- {:.4f} {}", state.step,
                             evaluation->bitsPerByte, evaluation->standardError, unit));
  if (metrics)
    if (auto written = metrics->evaluation(state.step, *evaluation); !written)
      return forward(written);
  if (state.best && state.best->bitsPerByte <= evaluation->bitsPerByte)
    return false;
  state.best = {state.step, evaluation->bitsPerByte};
  return true;
}

Result<void> TrainRun::save() {
  if (savedStep == state.step)
    return {};
  // The metrics of a checkpoint's steps are on the disk before it is there.
  if (metrics)
    if (auto synced = metrics->sync(); !synced)
      return synced;
  return writeState();
}

Result<void> TrainRun::writeState() {
  auto start = Clock::now();
  TrainingState now = state;
  now.seconds += progress->elapsedSeconds();
  auto saved = folder ? folder->save(session.executor(), now, options.keep)
                      : writeCheckpoint(session.executor(),
                                        RunFolder::checkpoint(options.out, state.step), now);
  if (!saved) {
    worthSaving = false;
    return saved;
  }
  savedStep = state.step;
  clock.saved(secondsSince(start));
  return {};
}

// One step, with all that belongs to it: metrics, an evaluation, a checkpoint.
Result<void> TrainRun::step() {
  auto start = Clock::now();
  if (auto read = trainer->fetch(state.step + 1, *data, state.order.seed); !read)
    return read;
  worthSaving = false;
  Result<StepReport> report = trainer->step(state.step + 1, *data, state.order.seed);
  if (!report)
    return forward(report);
  worthSaving = true;
  ++state.step;
  progress->show(*report);
  if (metrics)
    if (auto written = metrics->step(*report, state.seconds + progress->elapsedSeconds(),
                                     secondsSince(start), trainer->batch() * trainer->window());
        !written)
      return written;
  bool best = false;
  if (evaluationIsDue()) {
    Result<bool> evaluated = evaluate();
    if (!evaluated)
      return forward(evaluated);
    best = *evaluated;
  }
  if (auto agreed = agree(); !agreed)
    return agreed;
  if (best || saveIsDue)
    if (auto saved = save(); !saved)
      return saved;
  return sample();
}

Result<void> TrainRun::agree() {
  constexpr uint32_t due = uint32_t(1) << 31; // of the first process's clock; signals are below
  static_assert(SIGUSR2 < 31 && SIGXCPU < 31);
  const int own = pendingInterrupt();
  Result<uint32_t> all = session.executor().any((own ? uint32_t(1) << own : 0) |
                                                (writes() && clock.due(state.step) ? due : 0));
  if (!all)
    return forward(all);
  saveIsDue = *all & due;
  signal = *all & ~due ? std::countr_zero(*all) : 0;
  return {};
}

Result<void> TrainRun::loop() {
  if (auto agreed = agree(); !agreed)
    return agreed;
  // One that a signal prevented, or that is only asked for now.
  if (state.step > 0 && evaluationIsDue())
    if (auto evaluated = evaluate(); !evaluated)
      return forward(evaluated);
  while (state.step < state.steps && !signal)
    if (auto done = step(); !done)
      return done;
  if (auto saved = save(); !saved)
    return saved;
  return metrics ? metrics->sync() : Result<void>();
}

// What was learned up to a failure that is not of the step itself, such as data that cannot be read
// any more. The failure is what is reported.
void TrainRun::saveWhatIsGood() {
  // The lines up to the failure say how it came to it.
  if (metrics)
    (void)metrics->sync();
  // Of several devices not all may have got so far.
  if (worthSaving && state.step > savedStep && !session.team())
    (void)writeState();
}

std::string TrainRun::describeWeights() const {
  return savedStep == 0 || !folder ? "no weights were written"
                                   : fmt::format("{} has the weights of step {}",
                                                 folder->file("weights.safetensors"), savedStep);
}

void TrainRun::summarize() const {
  double seconds = progress->elapsedSeconds();
  auto percent = [&](double part) { return 100 * part / std::max(seconds, 1e-9); };
  say("{} steps in {}; reading data took {:.3f} s ({:.2f} %), writing {} checkpoints {:.3f} "
      "s ({:.2f} %)\n",
      state.step - firstStep, formatDuration(seconds), trainer->dataSeconds(),
      percent(trainer->dataSeconds()), clock.count(), clock.seconds(), percent(clock.seconds()));
  say("peak resident memory {}, planned {}{}\n", formatBytes(peakResidentBytes()),
      formatBytes(session.plannedBytes(trainer->entry())), session.gpu() ? " on the GPU" : "");
  if (state.best)
    say("least held-out loss: {:.4f} {}, step {}\n", state.best->bitsPerByte, unit,
        state.best->step);
  say("{}\n", describeWeights());
}

Result<int> TrainRun::run() {
  catchInterrupts();
  if (auto prepared = prepare(); !prepared)
    return forward(prepared);
  if (firstStep > 0)
    say("resuming after step {} of {}\n", firstStep, state.steps);
  say("training '{}': {} steps of {} x {} bytes on {}, {} windows an epoch\n",
      forTerminal(session.program().name()->string_view()), state.steps, trainer->batch(),
      trainer->window(), session.executor().device(), formatCount(data->windowsPerEpoch()));
  progress.emplace(state.steps, trainer->batch() * trainer->window(), unit);
  Result<void> trained = loop();
  progress->finish();
  if (!trained) {
    saveWhatIsGood();
    trained.error().message += "; " + describeWeights();
    return forward(trained);
  }
  summarize();
  if (signal) {
    say("stopped by {} after step {} of {}; --resume goes on\n", signalName(signal), state.step,
        state.steps);
    return 128 + signal;
  }
  return 0;
}

void addTrain(CLI::App &app, Command &run) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App *command = cli::addCommand(app, "train", "trains a model on a file of bytes");
  options->add(*command);
  options->data.add(*command);
  command->add_option("-o,--out", options->out, "folder of the run, for weights and checkpoints")
      ->required();
  command->add_option("--weights", options->weights,
                      "weights (.safetensors), a run's folder, or a checkpoint, to start from");
  cli::addNumber(*command, "--steps", options->steps, "steps; default: train.steps of the program",
                 {1});
  cli::addNumber(*command, "--seed", options->seed,
                 "of the first weights, dropout and the order of the data; default: train.seed");
  cli::addNumber(*command, "--eval-every", options->evalEvery,
                 "steps between evaluations on the valid part; default: 0, which is none", {0});
  cli::addNumber(*command, "--eval-windows", options->evalWindows,
                 "windows of an evaluation; default: 64", {1});
  cli::addNumber(*command, "--save-every", options->saveEvery,
                 "steps between checkpoints; default: five minutes", {1});
  cli::addNumber(*command, "--keep", options->keep,
                 "checkpoints to keep, beside that of the least held-out loss; default: 3", {1});
  CLI::Option *fresh = command->add_flag(
      "--fresh", options->fresh, "throw away the run that --out holds, but not its samples");
  command->add_flag("--resume", options->resume, "go on from the newest checkpoint in --out")
      ->excludes(fresh);
  command->add_flag("--allow-other-order", options->allowOtherOrder,
                    "resume with another seed, batch, window or data");
  CLI::Option *sampleEvery = cli::addNumber(
      *command, "--sample-every", options->sampleEvery,
      "steps between samples, which go to samples/ in --out; default: 0, which is none", {0});
  command
      ->add_option("--sample-prompt", options->samples.prompt,
                   "text that these samples continue; default: none")
      ->needs(sampleEvery);
  cli::addNumber(*command, "--sample-seed", options->samples.seed, "of these samples; default: 0")
      ->needs(sampleEvery);
  command->add_flag("--tensorboard", options->tensorBoard,
                    "also write the curves for TensorBoard, to tensorboard/ in --out");
  cli::addExample(*command,
                  "stc-run train out/text-small.stcp --data data/gcide.txt --out out/text-small");
  options->wanted = [own = options.get()](std::string_view entry) {
    return entry == "init" || entry == "train_step" || (entry == "eval" && own->evalEvery > 0) ||
           (entry.starts_with("sample_") && own->sampleEvery > 0);
  };
  command->callback([=, &run] {
    run = [=]() -> Result<int> {
      options->logs = options->out;
      return withSession(*options,
                         [&](Session &session) { return TrainRun(session, *options).run(); });
    };
  });
}

} // namespace stc::run

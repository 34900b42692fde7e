//===- Prepare.cpp - stc-run prepare -------------------------------------------------------===//
#include "runtime/Data/Prepare.h"
#include "runtime/Data/Split.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Support/Units.h"
#include "tools/command-line/CommandLine.h"
#include "tools/stc-run/Commands.h"

#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>
#include <utility>

namespace stc::run {

using namespace runtime;

namespace {

/// One line that is redrawn where the output is a terminal; nothing elsewhere.
class ProgressLine {
public:
  void show(int64_t done, int64_t total) {
    auto now = Clock::now();
    if (!terminal || (now - shown < std::chrono::milliseconds(100) && done != total))
      return;
    shown = now;
    double seconds = elapsed(), perPiece = seconds / static_cast<double>(done);
    fmt::print("\r{} of {}  {} left\x1b[K", formatCount(done), formatCount(total),
               formatDuration(perPiece * static_cast<double>(total - done)));
    std::fflush(stdout);
  }
  void clear() {
    if (terminal)
      fmt::print("\r\x1b[K");
    std::fflush(stdout);
  }
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start).count(); }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now(), shown = {};
  bool terminal = isatty(STDOUT_FILENO);
};

Result<int> prepareData(const std::string &program, PrepareOptions options) {
  Result<ProgramFile> file = ProgramFile::open(program);
  if (!file)
    return forward(file);
  ProgressLine line;
  options.progress = [&](int64_t done, int64_t total) { line.show(done, total); };
  options.warn = [&](const std::string &text) {
    line.clear();
    warn(text);
  };
  catchInterrupts();
  Result<Prepared> prepared = prepare(Settings(file->program()), options);
  line.clear();
  if (!prepared)
    return forward(prepared);
  if (prepared->interrupted) {
    fmt::print("stopped by a signal; nothing was written\n");
    return 128 + pendingInterrupt();
  }
  for (int part = 0; part < partCount; ++part)
    fmt::print("{}/{}.npy  {} bytes\n", options.out, partNames[part],
               formatCount(prepared->bytes[part]));
  fmt::print("{} inputs in {}", formatCount(prepared->taken), formatDuration(line.elapsed()));
  if (prepared->leftOut > 0)
    fmt::print("; left out {} that are broken or too small", formatCount(prepared->leftOut));
  if (prepared->foreign > 0)
    fmt::print("; passed over {} of another kind", formatCount(prepared->foreign));
  const char *before = " (";
  for (const auto &[kind, count] : prepared->foreignKinds)
    fmt::print("{}{}: {}", std::exchange(before, ", "), kind, formatCount(count));
  if (!prepared->foreignKinds.empty())
    fmt::print(")");
  fmt::print("\n");
  return 0;
}

} // namespace

void addPrepare(CLI::App &app, Command &run) {
  auto program = std::make_shared<std::string>();
  auto options = std::make_shared<PrepareOptions>();
  CLI::App *command = cli::addCommand(
      app, "prepare", "makes a folder to train on from files of text, pictures or sound");
  command->add_option("program", *program, "compiled program (.stcp); it says what the data is")
      ->required();
  command->add_option("inputs", options->inputs, "files and folders")->required();
  command->add_option("-o,--out", options->out, "folder for train.npy, valid.npy and test.npy")
      ->required();
  command->add_option("--test", options->testInputs,
                      "files and folders of the test part, all up to the next option; default: a "
                      "part of the inputs");
  command->add_flag("--fresh", options->fresh, "replace the parts that --out holds");
  command->add_flag("--raw", options->raw,
                    "take files for text whatever they are, such as archives");
  CLI::Option *fit = cli::addChoice<PictureFit::Kind>(
      *command, "--fit", options->fit.kind,
      {{"scale", PictureFit::Scale}, {"cut", PictureFit::Cut}},
      "how pictures come to the model's shape: scale (the middle, scaled; the default) or cut "
      "(into tiles)");
  cli::addNumber(*command, "--reduce", options->fit.reduce,
                 "with --fit cut: scale to 1/N before; default: 1", {1, 1 << 16})
      ->needs(fit);
  cli::addNumber(*command, "--seed", options->seed,
                 "of the shuffle that deals files out to the parts; default: 0");
  cli::addExample(*command, "stc-run prepare out/cifar10-small.stcp data/pictures --out "
                            "data/photos --fit cut --reduce 4");
  command->callback([=, &run] {
    if (options->fit.kind == PictureFit::Scale && options->fit.reduce > 1)
      throw CLI::ValidationError("--reduce", "expected with --fit cut");
    run = [=] { return prepareData(*program, *options); };
  });
}

} // namespace stc::run

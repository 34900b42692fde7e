//===- Program.cpp - compiled programs, for C -------------------------------------------===//

#include "runtime/Capi/Program.h"

#include "runtime/Capi/Answer.h"
#include "runtime/Checkpoint/Variables.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Device/Host/Executor.h"
#include "runtime/Device/Host/Limits.h"
#include "runtime/Program/Indices.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/ProgramFile.h"

#include <mutex>

using namespace stc;
using namespace stc::runtime;

/// Threads, which run for one caller at a time.
struct Workers {
  ThreadPool pool;
  std::mutex oneCaller;

  explicit Workers(int threads) : pool(threads) {}

  /// Those of all programs that do not ask for a number: a process may have many programs open.
  /// They last as long as the process, which may end while one is still open.
  static std::shared_ptr<Workers> ofProcess() {
    static auto *const workers = new std::shared_ptr<Workers>(new Workers(availableCores()));
    return *workers;
  }
};

struct StcProgram {
  ProgramFile file;
  std::shared_ptr<Workers> workers;
  std::unique_ptr<HostExecutor> executor;

  StcProgram(ProgramFile file, std::shared_ptr<Workers> workers)
      : file(std::move(file)), workers(std::move(workers)) {}
};

static Result<std::unique_ptr<StcProgram>> open(const std::string &path, int threads,
                                                int64_t seed) {
  auto file = ProgramFile::open(path);
  if (!file)
    return forward(file);
  if (std::string_view target = file->program().target()->string_view(); target != hostTarget)
    return fail(fmt::format("{}: expected a program for the CPU, found one for the target '{}'",
                            path, target));
  auto program = std::make_unique<StcProgram>(
      std::move(*file), threads > 0 ? std::make_shared<Workers>(threads) : Workers::ofProcess());
  std::lock_guard lock(program->workers->oneCaller);
  auto executor = HostExecutor::create(program->file.program(), program->workers->pool);
  if (!executor)
    return forward(executor);
  program->executor = std::move(*executor);
  if (auto initialized = initialize(*program->executor, seed); !initialized)
    return forward(initialized);
  return program;
}

static std::string describe(std::string_view kind, const program::Tensor &tensor) {
  const program::DType dtype = isNarrow(tensor.dtype()) ? program::DType::F32 : tensor.dtype();
  std::string line =
      fmt::format("{}\t{}\t{}", kind, tensor.name()->string_view(), dtypeName(dtype));
  for (int64_t size : *tensor.shape())
    line += fmt::format("\t{}", size);
  return line + "\n";
}

static Result<void> write(HostExecutor &executor, const program::Tensor &input, const void *data) {
  if (isNarrow(input.dtype())) {
    std::span floats(static_cast<const float *>(data), elements(input));
    return executor.write(input, narrow(input.dtype(), floats));
  }
  std::span bytes(static_cast<const std::byte *>(data), runtime::bytes(input));
  return checkIndices(input, bytes).and_then([&] { return executor.write(input, bytes); });
}

static Result<void> read(HostExecutor &executor, const program::Tensor &output, void *data) {
  if (!isNarrow(output.dtype()))
    return executor.read(output, {static_cast<std::byte *>(data), size_t(bytes(output))});
  auto narrowed = executor.read(output);
  if (!narrowed)
    return forward(narrowed);
  std::ranges::copy(widen(output.dtype(), *narrowed), static_cast<float *>(data));
  return {};
}

static Result<void> run(StcProgram &program, size_t number, const void *const *inputs,
                        void *const *outputs) {
  std::lock_guard lock(program.workers->oneCaller);
  const auto &entries = *program.file.program().entries();
  if (number >= entries.size())
    return fail(
        fmt::format("expected the number of one of {} entries, found {}", entries.size(), number));
  const program::Entry &entry = *entries.Get(number);
  for (const program::Tensor *input : *entry.inputs())
    if (auto written = write(*program.executor, *input, *inputs++); !written)
      return written;
  if (auto ran = program.executor->run(number); !ran)
    return ran;
  for (const program::Tensor *output : *entry.outputs())
    if (auto got = read(*program.executor, *output, *outputs++); !got)
      return got;
  return {};
}

StcStatus stcProgramOpen(const char *path, int threads, int64_t seed, StcProgram **program,
                         char **error) {
  return capi::answer(error, [&] {
    return open(path, threads, seed)
        .transform([&](std::unique_ptr<StcProgram> opened) { *program = opened.release(); })
        .map_error(capi::failureOf);
  });
}

void stcProgramClose(StcProgram *program) { delete program; }

StcStatus stcProgramEntries(StcProgram *program, char **lines, char **error) {
  return capi::answer(error, [&]() -> capi::Result<void> {
    std::string text;
    for (const program::Entry *entry : *program->file.program().entries()) {
      text += fmt::format("entry\t{}\n", entry->name()->string_view());
      for (const program::Tensor *input : *entry->inputs())
        text += describe("input", *input);
      for (const program::Tensor *output : *entry->outputs())
        text += describe("output", *output);
    }
    capi::handOut(lines, text);
    return {};
  });
}

StcStatus stcProgramLoad(StcProgram *program, const char *weights, char **error) {
  return capi::answer(error, [&] {
    std::lock_guard lock(program->workers->oneCaller);
    return loadWeights(*program->executor, weights).map_error(capi::failureOf);
  });
}

StcStatus stcProgramRun(StcProgram *program, size_t entry, const void *const *inputs,
                        void *const *outputs, char **error) {
  return capi::answer(
      error, [&] { return run(*program, entry, inputs, outputs).map_error(capi::failureOf); });
}

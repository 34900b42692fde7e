//===- Session.cpp - a program ready to run ------------------------------------------===//
#include "tools/stc-run/Session.h"
#include "runtime/Checkpoint/Variables.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Program/Signature.h"
#include "runtime/Support/Units.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

namespace stc::run {

using namespace runtime;

void SessionOptions::add(CLI::App &command) {
  command.add_option("program", program, "compiled program (.stcp)")->required();
  command.add_option("--threads", threads, "threads to run on; default: all cores it may use")
      ->check(CLI::Range(1, 4096));
}

void DataOptions::add(CLI::App &command) {
  command
      .add_option("--data", path, "file of bytes, .npy array of u8, or folder that prepare wrote")
      ->required();
  addPart(command);
}

CLI::Option *DataOptions::addPart(CLI::App &command) {
  return command
      .add_option(
          "--split", part,
          "part of a file, by the fractions of the program, or file of a folder: train, valid, "
          "test or all")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Part>{{"train", Part::Train},
                                                                      {"valid", Part::Valid},
                                                                      {"test", Part::Test},
                                                                      {"all", Part::All}}));
}

uint64_t peakResidentBytes() {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? uint64_t(usage.ru_maxrss) << 10 : 0;
}

Result<std::unique_ptr<Session>> Session::open(const SessionOptions &options) {
  Result<ProgramFile> file = ProgramFile::open(options.program);
  if (!file)
    return forward(file);
  std::unique_ptr<Session> session(new Session(std::move(*file), options));
  auto executor = Executor::create(session->program(), session->pool);
  if (!executor)
    return fail(options.program + ": " + executor.error().message, executor.error().kind);
  session->bound = std::move(*executor);
  return session;
}

Result<uint32_t> Session::entry(const std::string &name) {
  int index = findEntry(program(), name);
  if (index < 0) {
    std::vector<std::string> names;
    for (const program::Entry *entry : *program().entries())
      names.push_back(entry->name()->str());
    return fail(
        fmt::format("{}: expected an entry '{}', found {}", options.program, name,
                    names.empty() ? "none at all" : fmt::format("{}", fmt::join(names, ", "))));
  }
  if (auto checked = requireMemory(index); !checked)
    return forward(checked);
  return index;
}

Result<void> Session::requireMemory(uint32_t index) {
  const program::Entry &entry = *program().entries()->Get(index);
  uint64_t need =
      entry.peak_bytes() + memoryNeed(program(), options.threads).scratch(options.threads);
  uint64_t available = availableMemory();
  if (available == 0 || need <= available)
    return {};
  return fail(fmt::format("{}: entry '{}' needs {} of memory, this machine has {} left",
                          options.program, entry.name()->str(), formatBytes(need),
                          formatBytes(available)),
              ErrorKind::Machine);
}

Result<void> Session::initialize(int64_t seed, const std::string &weights) {
  if (auto initialized = runtime::initialize(*bound, seed); !initialized)
    return initialized;
  return weights.empty() ? Result<void>() : loadWeights(*bound, weights);
}

} // namespace stc::run

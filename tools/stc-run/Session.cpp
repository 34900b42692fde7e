//===- Session.cpp - a program ready to run ------------------------------------------===//
#include "tools/stc-run/Session.h"
#include "runtime/Support/Units.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stc::run {

using namespace runtime;

void SessionOptions::add(CLI::App &command) {
  command.add_option("program", program, "compiled program (.stcp)")->required();
  command.add_option("--threads", threads, "threads to run on; default: all cores it may use")
      ->check(CLI::Range(1, 4096));
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
  uint64_t need = program().entries()->Get(index)->peak_bytes() +
                  memoryNeed(program(), options.threads).scratch(options.threads);
  uint64_t available = availableMemory();
  if (available > 0 && need > available)
    return fail(fmt::format("{}: entry '{}' needs {} of memory, this machine has {} left",
                            options.program, name, formatBytes(need), formatBytes(available)),
                ErrorKind::Machine);
  return index;
}

} // namespace stc::run

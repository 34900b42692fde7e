//===- Session.h - a program ready to run --------------------------------------------===//
#pragma once

#include "runtime/Device/Host/Executor.h"
#include "runtime/Device/Host/ThreadPool.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <memory>
#include <string>

namespace CLI {
class App;
}

namespace stc::run {

/// What every subcommand takes.
struct SessionOptions {
  std::string program;
  int threads = runtime::ThreadPool::availableCores();

  void add(CLI::App &command);
};

/// A program bound to a pool.
class Session {
public:
  static runtime::Result<std::unique_ptr<Session>> open(const SessionOptions &options);

  const program::Program &program() const { return file.program(); }
  runtime::Executor &executor() { return *bound; }

  /// The index of an entry, or an error that lists those there are, or that this machine has not
  /// the memory for it.
  runtime::Result<uint32_t> entry(const std::string &name);

private:
  Session(runtime::ProgramFile file, const SessionOptions &options)
      : options(options), file(std::move(file)), pool(options.threads) {}

  SessionOptions options;
  runtime::ProgramFile file;
  runtime::ThreadPool pool;
  std::unique_ptr<runtime::Executor> bound;
};

} // namespace stc::run

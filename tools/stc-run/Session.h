//===- Session.h - a program ready to run --------------------------------------------===//
#pragma once

#include "runtime/Data/ByteData.h"
#include "runtime/Device/Cuda/Device.h"
#include "runtime/Device/Executor.h"
#include "runtime/Device/Host/Limits.h"
#include "runtime/Device/Host/ThreadPool.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Program/Signature.h"
#include "runtime/Support/Error.h"
#include "tools/stc-run/Team.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace stc::run {

/// What every subcommand takes that runs a program.
struct SessionOptions {
  std::string program;
  int threads = runtime::availableCores();
  bool givenThreads = false; ///< by the command line
  std::string device;        ///< host, cuda, or empty for what the program was compiled for
  /// Where the other processes of a program for several devices write what they have to say; empty
  /// for standard error.
  std::string logs;
  /// The entries that the command may run. A GPU has memory for no others.
  runtime::EntryFilter wanted;

  void add(CLI::App &command);
  /// An error if the program was compiled for another device.
  runtime::Result<void> check(const program::Program &program) const;
};

/// Which data, for the subcommands that read some.
struct DataOptions {
  std::string path;
  runtime::Part part;

  void add(CLI::App &command);
  /// The part alone, where the path is an option of another name.
  CLI::Option *addPart(CLI::App &command);
};

/// The most memory that was resident so far, in bytes.
uint64_t peakResidentBytes();

/// A program bound to a device.
class Session {
public:
  /// Says on stderr which GPU the program runs on, if it runs on one. Errors: those of reading the
  /// file and of binding; (Machine) that the GPU has not the memory for it.
  static runtime::Result<std::unique_ptr<Session>> open(const SessionOptions &options);

  const program::Program &program() const { return file.program(); }
  runtime::Executor &executor() { return *bound; }
  /// The processes of all devices; null where there is one.
  Team *team() { return processes.get(); }
  /// Hands a command's result on, once the other processes know of it. Nothing runs after that.
  runtime::Result<int> leave(runtime::Result<int> result);
  /// The GPU, where the program is for one; otherwise null.
  const runtime::cuda::Device *gpu() const { return device.get(); }

  /// Gives the variables their first values: of `init` with this seed, then of the weights file if
  /// one is named.
  runtime::Result<void> initialize(int64_t seed, const std::string &weights);

  /// The index of an entry, or an error that lists those there are, or that this machine has not
  /// the memory for it.
  runtime::Result<uint32_t> entry(const std::string &name);
  /// An error if this machine has not the memory for an entry; a GPU's is reserved already.
  runtime::Result<void> requireMemory(uint32_t entry);

  /// Bytes of memory that an entry takes, as planned, on its device.
  uint64_t plannedBytes(uint32_t entry) const;

  runtime::ThreadPool &threads() { return pool; }

private:
  Session(runtime::ProgramFile file, const SessionOptions &options)
      : options(options), file(std::move(file)), pool(options.threads) {}
  runtime::Result<void> join();
  runtime::Result<runtime::Devices> exchanging();
  runtime::Result<void> bind();
  runtime::Result<void> bindToGpu();

  SessionOptions options;
  runtime::ProgramFile file;
  runtime::ThreadPool pool;
  std::unique_ptr<Team> processes;
  std::unique_ptr<runtime::cuda::Device> device;
  std::unique_ptr<runtime::Executor> bound;
};

/// Opens a program and does a command's work with it: where it is for several devices, in a process
/// for each, which this one starts unless it is one of them. Returns the exit code.
runtime::Result<int> withSession(const SessionOptions &options,
                                 const std::function<runtime::Result<int>(Session &)> &work);

} // namespace stc::run

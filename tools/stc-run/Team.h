//===- Team.h - the processes that run a program for several devices -----------------===//
#pragma once

#include "runtime/Device/Cuda/Device.h"
#include "runtime/Device/Devices.h"
#include "runtime/Device/Mpi/Mpi.h"
#include "runtime/Processes/Environment.h"
#include "runtime/Processes/Socket.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace stc::run {

struct SessionOptions;

/// What one of the processes has of the others. A process of which another one has failed says so
/// and ends at once, with the exit code for that: it may be waiting for it in a place that knows no
/// other end, and what was saved is good.
class Team {
public:
  /// Meets the others. Errors: those of Mpi and Control.
  static runtime::Result<std::unique_ptr<Team>> join(const program::Program &program,
                                                     const SessionOptions &options);
  ~Team();

  /// Error: not all have the same program, or options.
  runtime::Result<void> requireSame(const std::string &content);
  /// Error: there are not as many processes as devices.
  runtime::Result<void> requireDevices(const program::Program &program) const;
  /// By which the devices exchange along each axis of the program: through MPI, or where there is a
  /// GPU through NCCL. Called by all processes, once. Errors: those of both; two processes have the
  /// same GPU.
  runtime::Result<runtime::Devices> devices(const program::Program &program,
                                            const runtime::cuda::Device *gpu);
  runtime::Control &control() { return *channel; }
  const runtime::Process &process() const { return self; }

  /// Where all is done, once all are done. Where this process cannot go on, the others learn it,
  /// and the first of them says it.
  runtime::Result<int> leave(runtime::Result<int> result);
  /// Behind that, where all is done and nothing exchanges any more.
  void finish();

private:
  Team() = default;
  runtime::Result<void> requireOwnGpu(const runtime::cuda::Device &gpu);
  /// To the log, and where this process is the one to speak, to standard error.
  void say(const std::string &message, bool isSpeaker);

  runtime::Process self;
  bool hasLog = false;    // for what this process has to say
  runtime::Socket errors; // standard error, as it was before that
  std::atomic_flag hasSaid;
  std::unique_ptr<runtime::mpi::Mpi> mpi;
  std::shared_ptr<runtime::Control> channel;
};

/// Of a program for several devices: unless this process was started as one of several, starts one
/// for each device on this machine, and returns the exit code of all. No value where this process
/// is to run the program itself.
runtime::Result<std::optional<int>> startProcesses(const SessionOptions &options);

} // namespace stc::run

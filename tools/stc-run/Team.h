//===- Team.h - the processes that run a program for several devices -----------------===//
#pragma once

#include "runtime/Device/Devices.h"
#include "runtime/Device/Mpi/Mpi.h"
#include "runtime/Processes/Environment.h"

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
  /// Meets the others. Errors: there are not as many processes as devices; they have other
  /// programs; those of Mpi and Control.
  static runtime::Result<std::unique_ptr<Team>> join(const program::Program &program,
                                                     const SessionOptions &options);
  ~Team();

  /// Of an axis each; called by all processes, once.
  runtime::Result<runtime::Devices> devices(const program::Program &program);
  runtime::Control &control() { return *channel; }

  /// All is done, or this process cannot go on, which the others learn.
  void leave(const runtime::Result<int> &result);

private:
  Team() = default;

  std::unique_ptr<runtime::mpi::Mpi> mpi;
  std::shared_ptr<runtime::Control> channel;
};

/// Of a program for several devices: unless this process was started as one of several, starts one
/// for each device on this machine, and returns the exit code of all. No value where this process
/// is to run the program itself.
runtime::Result<std::optional<int>> startProcesses(const SessionOptions &options);

} // namespace stc::run

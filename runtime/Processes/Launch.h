//===- Launch.h - the processes of a run on one machine ---------------------------------------===//
#pragma once

#include "runtime/Processes/Socket.h"
#include "runtime/Support/Error.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace stc::runtime {

struct LaunchOptions {
  int processes = 1;
  /// See divertOutput(). Without a folder each line that the other ranks print to standard error
  /// goes to this process's own, behind "rank 1: ".
  std::string logs;
  /// From the first failure of a process until the others are asked to end (SIGTERM), and from then
  /// on until they are ended. The control channel ends them long before.
  std::chrono::milliseconds grace = std::chrono::seconds(30);
  /// Takes a line on each process that a signal has ended, since it could not say so itself.
  std::function<void(const std::string &line)> note;
};

/// Runs a program, by its path and with its arguments, as so many processes that find in their
/// environment which one they are (Environment.h). Rank 0 has the standard streams. A signal that
/// asks this process to end (Interrupt.h, which is in effect from here on) goes to each of them
/// once, and they do not outlive it.
///
/// Returns the exit code of the first process that failed by itself, that is with another one than
/// that of a failed peer; 128 + n for signal n. Errors (Machine, Io): they cannot be started.
Result<int> launch(const std::vector<std::string> &command, const LaunchOptions &options);

/// The same by mpirun, whose exit code is that of the first process that it sees end, or that of a
/// failed peer where a signal ended one. Rank 0 and the others write to the streams of mpirun: see divertOutput(). What mpirun needs to know is in
/// its environment, where other values count if they are there: that there may be more processes
/// than cores, that root is meant, and that threads go where the system puts them.
///
/// mpirun leaves a second to those that it asks to end, which is too short to save. So it gets
/// SIGUSR1, which it passes on and does nothing else. Error (Machine): there is no mpirun.
Result<int> launchByMpi(const std::vector<std::string> &command, const LaunchOptions &options);

/// For the processes of any launcher: standard output is that of rank 0. Standard error of the
/// others goes to the end of rank-1.log, ... in the folder, if one is named. Returns what it was,
/// for what has to be said where rank 0 cannot. Error: Io.
Result<Socket> divertOutput(int rank, const std::string &folder);

/// The path of the program that runs.
std::string ownProgram();

} // namespace stc::runtime

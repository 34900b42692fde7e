//===- Mpi.h - MPI, opened at run time ----------------------------------------------------===//
//
// The machine's MPI, through the plug-in that was built against it (Plugin.h). A build needs no MPI
// without it, and a process that opens none starts without one. How processes find and watch each
// other is not MPI's: see runtime/Processes.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Communicator.h"

#include <memory>
#include <span>
#include <string>

struct StcMpiTable;
struct StcMpiGroup;

namespace stc::runtime::mpi {

/// The most bytes that go at once.
struct Pieces {
  uint64_t gathered = uint64_t(1) << 30; ///< of each process
  /// Of all processes together: what is combined stays in a cache.
  uint64_t combined = uint64_t(4) << 20;
};

/// All calls of a process, those of communicators too, come one at a time; from whichever thread.
/// What MPI refuses is an error (Machine) in its own words.
class Mpi {
public:
  /// Opens the plug-in: that of the variable STC_MPI_PLUGIN, or stc-mpi.so beside the program or in
  /// ../lib/stc from there. Starts MPI, which a process can do but once. Error (Machine): there is
  /// no plug-in, or it finds no MPI, or it is one of another version.
  static Result<std::unique_ptr<Mpi>> open();
  /// Ends MPI, which waits for all processes. Communicators are gone by then. A process that ends
  /// without it, as after an error, waits for nobody, and mpirun ends the others.
  Result<void> finish();

  int rank() const { return ownRank; }
  int size() const { return count; }
  /// "Open MPI v4.1.4".
  const std::string &library() const { return name; }

  /// What rank 0 has, on all; so many bytes on each.
  Result<void> broadcast(std::span<std::byte> data) const;

  /// Called by all processes: those that give one color have a communicator, in the order of their
  /// keys. It keeps a reference.
  ///
  /// MPI advises, but does not oblige, its implementations to add up in the same order in every run
  /// and for all processes. So MPI moves the bytes, and this class adds up: each element once, in
  /// the order of the ranks.
  Result<std::unique_ptr<Communicator>> split(int color, int key, Pieces pieces = {}) const;

  /// For the communicators: an error with the words of MPI, if the status is one.
  Result<void> check(const char *function, int status) const;
  const StcMpiTable &functions() const { return *table; }

private:
  Mpi() = default;

  const StcMpiTable *table = nullptr;
  StcMpiGroup *world = nullptr;
  int ownRank = 0, count = 1;
  std::string name;
};

} // namespace stc::runtime::mpi

//===- Environment.h - which of a run's processes this is -----------------------------------===//
//
// A run on several devices has a process for each. Whatever started them says so in variables of
// the environment.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <functional>
#include <optional>
#include <string>

namespace stc::runtime {

/// Who started the processes, by the variables that it set.
enum class Launcher {
  None,      ///< nobody: one process
  Variables, ///< RANK, WORLD_SIZE, LOCAL_RANK: stc-run itself, torchrun, a script
  OpenMpi,   ///< OMPI_COMM_WORLD_RANK, ...
  Pmi,       ///< PMIX_RANK or PMI_RANK, ...: mpirun of MPICH
  Slurm,     ///< SLURM_PROCID, ... of a step, which srun starts
};

struct Process {
  int rank = 0, size = 1;
  int localRank = 0; ///< among those of this machine
  Launcher launcher = Launcher::None;
  /// Where rank 0 listens. Empty and 0 where nobody says so: see mpi::findMaster.
  std::string masterAddress;
  int masterPort = 0;
  /// What the processes of one run have in common, and no other process need know.
  std::string token;
  /// Of rank 0, from whoever started it: a socket that listens at the port already; otherwise -1.
  int listener = -1;
};

/// The value of a variable, if it is set.
using Variables = std::function<std::optional<std::string>(const char *name)>;

/// Where several launchers have set theirs, one inside the other, the innermost counts: RANK, then
/// those of MPI, then Slurm's. SLURM_* of a batch script itself, outside of any srun, is one
/// process. Errors: what is no number or beyond its bounds; one variable without another that
/// belongs to it; RANK and WORLD_SIZE that were left in the environment by something else, which
/// would make several processes the same one.
Result<Process> processOf(const Variables &variables);

/// By the environment of this process.
Result<Process> thisProcess();

/// Whether standard output is a terminal. mpirun gives each process one, whatever its own output
/// is: there it is what whoever started it says (STC_TERMINAL is 1).
bool writesToTerminal();

} // namespace stc::runtime

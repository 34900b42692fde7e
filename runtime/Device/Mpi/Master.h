//===- Master.h - where rank 0 listens, by MPI --------------------------------------------===//
#pragma once

#include "runtime/Device/Mpi/Mpi.h"
#include "runtime/Processes/Environment.h"
#include "runtime/Processes/Socket.h"

namespace stc::runtime::mpi {

/// mpirun does not say where rank 0 listens. So it takes a free port, and all learn through MPI
/// where it is, with a token. Returns the socket, on rank 0. Changes nothing where the place is
/// known. Error (Input): MPI counts the processes otherwise than their environment does.
Result<Socket> findMaster(const Mpi &mpi, Process &self);

} // namespace stc::runtime::mpi

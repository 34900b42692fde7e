//===- Communicator.h - exchange of parts through MPI -------------------------------------===//
//
// MPI moves bytes; elements are combined here (see Mpi::split). A sum is scattered by an all-to-all
// of the parts, which sends no byte more than MPI's own sum would, and what each process has
// combined is gathered.
//
// MPI counts by int. So parts are exchanged piece by piece, in which the pieces of all lie as far
// apart as their parts.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Communicator.h"
#include "runtime/Device/Mpi/Mpi.h"

#include <memory>
#include <vector>

namespace stc::runtime::mpi {

class MpiCommunicator final : public Communicator {
public:
  /// Takes the group, and keeps a reference to MPI.
  static Result<std::unique_ptr<Communicator>> create(const Mpi &mpi, StcMpiGroup *group,
                                                      Pieces pieces);
  ~MpiCommunicator() override;

  Result<void> gatherAll(const std::byte *part, std::byte *all, uint64_t elements,
                         program::DType type) override;
  Result<void> reduceParts(const std::byte *all, std::byte *part, uint64_t elements,
                           program::DType type, Reduction how) override;
  Result<void> reduceAll(const std::byte *from, std::byte *to, uint64_t elements,
                         program::DType type, Reduction how) override;
  Result<void> exchangeAll(const std::byte *from, std::byte *to, uint64_t elements,
                           program::DType type) override;

private:
  MpiCommunicator(const Mpi &mpi, StcMpiGroup *group, int rank, int size, Pieces pieces);
  Result<void> gather(const std::byte *part, std::byte *all, uint64_t bytes);
  Result<void> combineEverywhere(const std::byte *from, std::byte *to, uint64_t elements,
                                 program::DType type, Reduction how);

  const Mpi &mpi;
  StcMpiGroup *const group;
  const Pieces pieces;
  std::vector<std::byte> scratch;
};

} // namespace stc::runtime::mpi

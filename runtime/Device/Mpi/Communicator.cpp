//===- Communicator.cpp - exchange of parts through MPI -----------------------------------===//
#include "runtime/Device/Mpi/Communicator.h"
#include "runtime/Device/Mpi/Combine.h"
#include "runtime/Device/Mpi/Plugin.h"
#include "runtime/Program/Tensor.h"

#include <algorithm>

namespace stc::runtime::mpi {

using program::DType;

// Below, one exchange of everything takes less time than two of parts.
static constexpr uint64_t small = 16 << 10;

Result<std::unique_ptr<Communicator>> MpiCommunicator::create(const Mpi &mpi, StcMpiGroup *group,
                                                              Pieces pieces) {
  int rank, size;
  if (auto known = mpi.check("MPI_Comm_rank", mpi.functions().rank(group, &rank, &size)); !known)
    return forward(known);
  return std::unique_ptr<Communicator>(new MpiCommunicator(mpi, group, rank, size, pieces));
}

MpiCommunicator::MpiCommunicator(const Mpi &mpi, StcMpiGroup *group, int rank, int size,
                                 Pieces pieces)
    : Communicator(rank, size), mpi(mpi), group(group), pieces(pieces) {
  // At least an element of each.
  scratch.resize(std::max<uint64_t>(pieces.combined, size * sizeof(double)));
}

MpiCommunicator::~MpiCommunicator() { (void)mpi.functions().release(group); }

// The part is null where it lies in `all`.
Result<void> MpiCommunicator::gather(const std::byte *part, std::byte *all, uint64_t bytes) {
  for (uint64_t first = 0; first < bytes; first += pieces.gathered) {
    int piece = static_cast<int>(std::min(pieces.gathered, bytes - first));
    int status = mpi.functions().all_gather(group, part ? part + first : nullptr, all + first,
                                            piece, static_cast<int64_t>(bytes));
    if (auto done = mpi.check("MPI_Allgather", status); !done)
      return done;
  }
  return {};
}

Result<void> MpiCommunicator::gatherAll(const std::byte *part, std::byte *all, uint64_t elements,
                                        DType type) {
  uint64_t bytes = elements * byteSize(type);
  return gather(part == all + rank() * bytes ? nullptr : part, all, bytes);
}

Result<void> MpiCommunicator::reduceParts(const std::byte *all, std::byte *part, uint64_t elements,
                                          DType type, Reduction how) {
  uint64_t width = byteSize(type), most = scratch.size() / width / size();
  for (uint64_t first = 0; first < elements; first += most) {
    uint64_t count = std::min(most, elements - first), piece = count * width;
    int status = mpi.functions().all_to_all(group, all + first * width,
                                            static_cast<int64_t>(elements * width), scratch.data(),
                                            static_cast<int>(piece));
    if (auto done = mpi.check("MPI_Alltoall", status); !done)
      return done;
    combine(scratch.data(), piece, size(), part + first * width, count, type, how);
  }
  return {};
}

// What comes in pieces lies there process by process.
Result<void> MpiCommunicator::exchangeAll(const std::byte *from, std::byte *to, uint64_t elements,
                                          DType type) {
  const uint64_t bytes = elements * byteSize(type), most = scratch.size() / size();
  for (uint64_t first = 0; first < bytes; first += most) {
    const uint64_t piece = std::min(most, bytes - first);
    std::byte *parts = piece == bytes ? to : scratch.data();
    int status = mpi.functions().all_to_all(group, from + first, static_cast<int64_t>(bytes), parts,
                                            static_cast<int>(piece));
    if (auto done = mpi.check("MPI_Alltoall", status); !done)
      return done;
    for (int place = 0; parts != to && place < size(); ++place)
      std::copy_n(parts + place * piece, piece, to + place * bytes + first);
  }
  return {};
}

// Each process combines all elements.
Result<void> MpiCommunicator::combineEverywhere(const std::byte *from, std::byte *to,
                                                uint64_t elements, DType type, Reduction how) {
  uint64_t width = byteSize(type), most = scratch.size() / width / size();
  for (uint64_t first = 0; first < elements; first += most) {
    uint64_t count = std::min(most, elements - first), piece = count * width;
    if (auto gathered = gather(from + first * width, scratch.data(), piece); !gathered)
      return gathered;
    combine(scratch.data(), piece, size(), to + first * width, count, type, how);
  }
  return {};
}

Result<void> MpiCommunicator::reduceAll(const std::byte *from, std::byte *to, uint64_t elements,
                                        DType type, Reduction how) {
  uint64_t width = byteSize(type), done = 0;
  auto isSmall = [&](uint64_t count) {
    return count < uint64_t(size()) || count * width * size() <= small;
  };
  while (done < elements) {
    uint64_t left = elements - done;
    const std::byte *source = from + done * width;
    std::byte *target = to + done * width;
    if (isSmall(left))
      return combineEverywhere(source, target, left, type, how);
    // As much as divides into parts.
    uint64_t count = std::min(left, scratch.size() / width) / size();
    std::byte *own = target + rank() * count * width;
    auto exchanged = reduceParts(source, own, count, type, how).and_then([&] {
      return gatherAll(own, target, count, type);
    });
    if (!exchanged)
      return exchanged;
    done += count * size();
  }
  return {};
}

} // namespace stc::runtime::mpi

//===- Communicator.cpp - what devices exchange their parts through -----------------===//
#include "runtime/Device/Communicator.h"
#include "runtime/Program/Exchanged.h"
#include "runtime/Program/Tensor.h"

namespace stc::runtime {

using program::CollectiveKind;

void Communicator::count(CollectiveKind kind, uint64_t elements, program::DType type) {
  bytes += receivedBytes(kind, devices, elements * byteSize(type));
}

Result<void> Communicator::allGather(const std::byte *part, std::byte *all, uint64_t elements,
                                     program::DType type) {
  count(CollectiveKind::AllGather, elements, type);
  return gatherAll(part, all, elements, type);
}

Result<void> Communicator::reduceScatter(const std::byte *all, std::byte *part, uint64_t elements,
                                         program::DType type, Reduction how) {
  count(CollectiveKind::ReduceScatter, elements, type);
  return reduceParts(all, part, elements, type, how);
}

Result<void> Communicator::allReduce(const std::byte *from, std::byte *to, uint64_t elements,
                                     program::DType type, Reduction how) {
  count(CollectiveKind::AllReduce, elements, type);
  return reduceAll(from, to, elements, type, how);
}

Result<void> Communicator::allToAll(const std::byte *from, std::byte *to, uint64_t elements,
                                    program::DType type) {
  count(CollectiveKind::AllToAll, elements, type);
  return exchangeAll(from, to, elements, type);
}

} // namespace stc::runtime

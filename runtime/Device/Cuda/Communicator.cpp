//===- Communicator.cpp - exchange of parts through NCCL ----------------------------===//
#include "runtime/Device/Cuda/Communicator.h"
#include "runtime/Program/Tensor.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace stc::runtime::cuda {

namespace {

ncclDataType_t typeOf(program::DType type) {
  switch (type) {
  case program::DType::F32:
    return ncclFloat32;
  case program::DType::F64:
    return ncclFloat64;
  case program::DType::I32:
    return ncclInt32;
  case program::DType::I64:
    return ncclInt64;
  case program::DType::BF16:
    return ncclBfloat16;
  case program::DType::F16:
    return ncclFloat16;
  case program::DType::U8:
  case program::DType::I1:
    break;
  }
  return ncclUint8;
}

bool isFloat(program::DType type) {
  using program::DType;
  return type == DType::F32 || type == DType::F64 || type == DType::BF16 || type == DType::F16;
}

Result<ncclRedOp_t> operationOf(Reduction how, program::DType type) {
  if (how == Reduction::Sum)
    return ncclSum;
  if (isFloat(type))
    return fail("expected no maximum of floats over several GPUs: that of NCCL leaves out what is "
                "not a number");
  return ncclMax;
}

} // namespace

Result<std::unique_ptr<Communicator>> NcclCommunicator::create(std::shared_ptr<const Nccl> nccl,
                                                               const Device &device,
                                                               Control &control,
                                                               std::span<const int> ranks) {
  // The first of each group makes its id, and all learn those of all.
  ncclUniqueId id = {};
  if (ranks.front() == control.rank())
    if (auto made = nccl->getUniqueId(&id); !made)
      return forward(made);
  auto made = control.gather({id.internal, sizeof(id)});
  if (!made)
    return forward(made);
  std::string all;
  for (const std::string &one : *made)
    all += one;
  auto known = control.broadcast(all);
  if (!known)
    return forward(known);
  std::memcpy(&id, known->data() + ranks.front() * sizeof(id), sizeof(id));
  const auto own = std::ranges::find(ranks, control.rank());
  return create(std::move(nccl), device, id, static_cast<int>(own - ranks.begin()),
                static_cast<int>(ranks.size()));
}

Result<std::unique_ptr<Communicator>> NcclCommunicator::create(std::shared_ptr<const Nccl> nccl,
                                                               const Device &device,
                                                               const ncclUniqueId &id, int rank,
                                                               int size) {
  ncclComm_t handle = nullptr;
  if (auto made = nccl->commInitRank(&handle, size, id, rank); !made)
    return forward(made);
  return std::unique_ptr<Communicator>(
      new NcclCommunicator(std::move(nccl), device, handle, rank, size));
}

NcclCommunicator::~NcclCommunicator() { (void)nccl->commAbort(handle); }

Result<void> NcclCommunicator::gatherAll(const std::byte *part, std::byte *all, uint64_t elements,
                                         program::DType type) {
  return nccl->allGather(part, all, elements, typeOf(type), handle, device.exchangeStream());
}

Result<void> NcclCommunicator::reduceParts(const std::byte *all, std::byte *part, uint64_t elements,
                                           program::DType type, Reduction how) {
  return operationOf(how, type).and_then([&](ncclRedOp_t operation) {
    return nccl->reduceScatter(all, part, elements, typeOf(type), operation, handle,
                               device.exchangeStream());
  });
}

Result<void> NcclCommunicator::reduceAll(const std::byte *from, std::byte *to, uint64_t elements,
                                         program::DType type, Reduction how) {
  return operationOf(how, type).and_then([&](ncclRedOp_t operation) {
    return nccl->allReduce(from, to, elements, typeOf(type), operation, handle,
                           device.exchangeStream());
  });
}

// By messages, in one group.
Result<void> NcclCommunicator::exchangeAll(const std::byte *from, std::byte *to, uint64_t elements,
                                           program::DType type) {
  const uint64_t bytes = elements * byteSize(type);
  return together([&]() -> Result<void> {
    for (int peer = 0; peer < size(); ++peer) {
      auto sent = nccl->send(from + peer * bytes, elements, typeOf(type), peer, handle,
                             device.exchangeStream())
                      .and_then([&] {
                        return nccl->receive(to + peer * bytes, elements, typeOf(type), peer,
                                             handle, device.exchangeStream());
                      });
      if (!sent)
        return sent;
    }
    return {};
  });
}

Result<void> NcclCommunicator::together(const std::function<Result<void>()> &calls) {
  if (auto begun = nccl->groupStart(); !begun)
    return begun;
  Result<void> called = calls(), ended = nccl->groupEnd();
  return called ? ended : called;
}

} // namespace stc::runtime::cuda

//===- Communicator.h - exchange of parts through NCCL ------------------------------===//
#pragma once

#include "runtime/Device/Communicator.h"
#include "runtime/Device/Cuda/Device.h"
#include "runtime/Device/Cuda/Nccl.h"
#include "runtime/Processes/Control.h"

#include <memory>
#include <span>

namespace stc::runtime::cuda {

/// Memory is the GPU's. A call puts an exchange on the device's stream for them, on which it goes
/// on once the others have come to theirs. With more than two devices, sums of BF16 and F16 are
/// rounded with each device.
class NcclCommunicator final : public Communicator {
public:
  /// Called by the processes of all devices, each with the ranks of those that it exchanges with,
  /// itself among them, in their order. The device must outlive it. Errors: (Machine) what NCCL
  /// says; (Peer).
  static Result<std::unique_ptr<Communicator>> create(std::shared_ptr<const Nccl> nccl,
                                                      const Device &device, Control &control,
                                                      std::span<const int> ranks);
  /// Of a group that is known by its id; called by all of the group.
  static Result<std::unique_ptr<Communicator>> create(std::shared_ptr<const Nccl> nccl,
                                                      const Device &device, const ncclUniqueId &id,
                                                      int rank, int size);
  /// Ends what has not ended.
  ~NcclCommunicator() override;

  Result<void> gatherAll(const std::byte *part, std::byte *all, uint64_t elements,
                         program::DType type) override;
  Result<void> reduceParts(const std::byte *all, std::byte *part, uint64_t elements,
                           program::DType type, Reduction how) override;
  /// Error: the maximum of floats, for which NCCL leaves out what is not a number.
  Result<void> reduceAll(const std::byte *from, std::byte *to, uint64_t elements,
                         program::DType type, Reduction how) override;
  Result<void> exchangeAll(const std::byte *from, std::byte *to, uint64_t elements,
                           program::DType type) override;
  Result<void> together(const std::function<Result<void>()> &calls) override;

private:
  NcclCommunicator(std::shared_ptr<const Nccl> nccl, const Device &device, ncclComm_t handle,
                   int rank, int size)
      : Communicator(rank, size), nccl(std::move(nccl)), device(device), handle(handle) {}

  std::shared_ptr<const Nccl> nccl;
  const Device &device;
  ncclComm_t handle;
};

} // namespace stc::runtime::cuda

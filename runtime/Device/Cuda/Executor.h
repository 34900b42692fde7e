//===- Executor.h - runs the entries of a program on a GPU ---------------------------===//
//
// Binds a program to an arena on the device once: loaded kernels, encoded tensor maps, parameters,
// products whose algorithm is chosen, and the steps of each entry as one graph. A run puts that on
// the device's stream. Exchanges with other GPUs go on beside it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Cuda/Event.h"
#include "runtime/Device/Cuda/Graph.h"
#include "runtime/Device/Cuda/Kernel.h"
#include "runtime/Device/Cuda/Product.h"
#include "runtime/Device/Cuda/Staging.h"
#include "runtime/Device/Executor.h"
#include "runtime/Program/Signature.h"

#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace stc::runtime {

class CudaExecutor final : public Executor {
public:
  /// Keeps references: the program and the device must outlive it. The communicators are this
  /// device's. Of the entries those that are wanted can be run, and take memory. Errors: a program
  /// for another target, a GPU of another compute capability or without the memory (Machine); those
  /// of Kernel, Products and Communicator.
  static Result<std::unique_ptr<CudaExecutor>>
  create(const program::Program &program, const cuda::Device &device, Devices devices = {},
         const EntryFilter &wanted = {},
         const std::vector<std::string> &productLibraries = cuda::cublasLtLibraries);
  ~CudaExecutor() override;

  /// Bytes on the GPU that a program takes for the wanted entries: as much of its arena as they and
  /// the variables use, and beside it what products need and where parts of the host's memory are
  /// exchanged. What NCCL takes is not among them.
  static uint64_t memoryNeed(const program::Program &program, const EntryFilter &wanted = {});
  /// The first of these.
  static uint64_t arenaNeed(const program::Program &program, const EntryFilter &wanted = {});

  std::string device() const override { return gpu.name(); }
  bool exchangesBeside() const override { return true; }
  /// By events on the stream, behind work that clears the cache. Where those of the steps are
  /// wanted, these are started one by one.
  Result<double> time(uint32_t entry, std::vector<double> *steps = nullptr) override;
  /// Returns when the bytes are where the GPU takes them by itself.
  Result<void> write(const program::Tensor &tensor, std::span<const std::byte> bytes) override;
  Result<void> read(const program::Tensor &tensor, std::span<std::byte> bytes) override;
  using Executor::read;

protected:
  /// Errors (Machine) here and above: what the driver says.
  Result<void> start(uint32_t entry) override;
  Result<void> finish() override { return gpu.synchronize(); }
  Result<void> gather(uint32_t axis, std::span<const std::byte> part,
                      std::span<std::byte> all) override;

private:
  struct BoundCopy {
    cuda::CUdeviceptr target, source; // 0 for zeros
    uint64_t bytes;
  };
  struct BoundCollective {
    const program::Collective *source;
    Communicator *along;
    uint64_t bytes; // of a part of a run
    std::byte *from, *to;
  };
  /// On the stream for exchanges, behind what comes before it.
  struct BoundExchange {
    std::vector<BoundCollective> collectives;
    uint32_t number;
  };
  struct BoundWait {
    uint32_t number;
  };
  using BoundStep = std::variant<cuda::Launch, cuda::Product, BoundCopy, BoundExchange, BoundWait>;
  struct BoundEntry {
    const program::Entry *source;
    std::vector<BoundStep> steps;
    std::optional<cuda::Graph> graph;
  };

  CudaExecutor(const program::Program &program, const cuda::Device &gpu, Devices devices)
      : Executor(program, devices), gpu(gpu), devices(std::move(devices)) {}
  Result<void> prepare(const EntryFilter &wanted, const std::vector<std::string> &productLibraries);
  Result<const cuda::Kernel *> kernel(uint32_t number);
  Result<const BoundEntry *> bound(uint32_t entry) const;
  Result<BoundEntry> bind(const program::Entry &entry);
  Result<BoundStep> bind(const program::Step &step);
  Result<void> prepareExchanges(const program::Entry &entry);
  /// What stands last on the stream: nothing but a kernel may be followed by one that starts early.
  enum class Last { Kernel, Other };
  Result<void> start(const BoundStep &step, Last &last, bool isTimed) const;
  Result<void> start(const BoundExchange &exchange, bool isTimed) const;
  Result<void> start(const BoundCollective &collective) const;
  Result<void> startOneByOne(const BoundEntry &entry, bool recordsEach) const;
  Result<void> prepareClock();

  const cuda::Device &gpu;
  Devices devices;
  cuda::Memory arena, parts; // where parts of the host's memory are gathered
  /// What an exchange comes behind, and what is behind it; by its number.
  struct ExchangeEvents {
    cuda::Event before, behind;
    std::optional<cuda::Event> begin, end; // with a clock, on its own stream
  };
  std::map<uint32_t, ExchangeEvents> exchanges;
  std::unique_ptr<cuda::Products> products;         // null if the program has none
  std::vector<std::optional<cuda::Kernel>> kernels; // those of the entries
  std::vector<std::optional<BoundEntry>> entries;   // those that are wanted
  std::optional<cuda::Staging> staging;
  /// What time() needs: bytes that fill the cache, and an event before the steps and behind each.
  cuda::Memory cacheFill;
  std::vector<cuda::Event> events;
};

} // namespace stc::runtime

//===- Executor.h - runs the entries of a program on the CPU ------------------------===//
//
// Binds a program to an arena and a pool once: loaded kernels, buffer addresses, cut products.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Executor.h"
#include "runtime/Device/Host/Arena.h"
#include "runtime/Device/Host/Gemm.h"
#include "runtime/Device/Host/KernelLibrary.h"
#include "runtime/Device/Host/ThreadPool.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

namespace stc::runtime {

/// What a program takes in memory: the arena, whose untouched pages do not count, and beside it
/// what kernels and products need for intermediate values.
struct MemoryNeed {
  uint64_t arena = 0;
  uint64_t scratchPerThread = 0;
  uint64_t workspace = 0;

  /// Bytes beside the arena.
  uint64_t scratch(int threads) const { return scratchPerThread * threads + workspace; }
};
MemoryNeed memoryNeed(const program::Program &program, int threads);

class HostExecutor final : public Executor {
public:
  /// Keeps references: the program and the pool must outlive it. Errors: see KernelLibrary::load,
  /// and memory that this machine does not have.
  static Result<std::unique_ptr<HostExecutor>> create(const program::Program &program,
                                                      ThreadPool &pool, Devices devices = {});

  std::string device() const override;
  Result<double> time(uint32_t entry, std::vector<double> *steps = nullptr) override;
  Result<void> write(const program::Tensor &tensor, std::span<const std::byte> bytes) override;
  Result<void> read(const program::Tensor &tensor, std::span<std::byte> bytes) override;
  using Executor::read;

  /// Where a tensor lies.
  std::byte *data(const program::Tensor &tensor) { return arena.data() + tensor.offset(); }
  template <class T> std::span<T> elements(const program::Tensor &tensor);

protected:
  /// Of its steps only an exchange with other devices fails.
  Result<void> start(uint32_t entry) override;
  Result<void> finish() override { return {}; }
  Result<void> gather(uint32_t axis, std::span<const std::byte> part,
                      std::span<std::byte> all) override;

private:
  struct BoundLaunch {
    KernelFunction function;
    int64_t items;
    void *const *buffers;
    const int64_t *sizes;
  };
  struct BoundGemm {
    GemmShape shape;
    GemmPlan plan;
    GemmOperand a, b, c;
  };
  struct BoundCopy {
    std::byte *target;
    const std::byte *source; // null for zeros
    uint64_t bytes;
  };
  struct BoundCollective {
    program::CollectiveKind kind;
    program::DType dtype;
    Communicator *along;
    int64_t runs;
    uint64_t elements, bytes; // of a part of a run
    const std::byte *source;
    std::byte *target;
  };
  /// Done where it starts: on the CPU nothing goes on beside it.
  using BoundExchange = std::vector<BoundCollective>;
  struct BoundEntry {
    std::vector<void *> buffers; // of all launches, one after the other
    std::vector<std::variant<BoundLaunch, BoundGemm, BoundCopy, BoundExchange>> steps;
  };

  HostExecutor(const program::Program &program, ThreadPool &pool, Devices devices)
      : Executor(program, devices), pool(pool), devices(std::move(devices)) {}
  BoundEntry bind(const program::Entry &entry) const;
  BoundGemm bind(const program::Gemm &gemm) const;
  BoundExchange bind(const program::Exchange &exchange) const;
  Result<void> execute(const BoundLaunch &launch);
  Result<void> execute(const BoundGemm &product);
  Result<void> execute(const BoundCopy &copy);
  Result<void> execute(const BoundExchange &exchange);

  ThreadPool &pool;
  Devices devices;
  KernelLibrary library;
  MemoryNeed need;
  Arena arena, scratch, workspace;
  std::vector<BoundEntry> entries;
};

template <class T> std::span<T> HostExecutor::elements(const program::Tensor &tensor) {
  size_t count = 1;
  for (int64_t size : *tensor.shape())
    count *= size;
  return {reinterpret_cast<T *>(data(tensor)), count};
}

} // namespace stc::runtime

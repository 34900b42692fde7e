//===- Executor.h - runs the entries of a program on a GPU ---------------------------===//
//
// Binds a program to an arena on the device once: loaded kernels, encoded tensor maps, parameters.
// A run puts the steps on one stream and waits for its end.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Cuda/Kernel.h"
#include "runtime/Device/Executor.h"

#include <memory>
#include <variant>
#include <vector>

namespace stc::runtime {

class CudaExecutor final : public Executor {
public:
  /// Keeps references: the program and the device must outlive it. Errors: a program for another
  /// target, a GPU of another compute capability or without the memory (Machine); those of Kernel.
  static Result<std::unique_ptr<CudaExecutor>> create(const program::Program &program,
                                                      const cuda::Device &device);
  ~CudaExecutor() override;

  /// Errors (Machine) here and below: what the driver says.
  Result<void> run(uint32_t entry) override;
  /// By events on the stream, behind work that clears the cache.
  Result<double> time(uint32_t entry, Profile *profile = nullptr) override;
  Result<void> write(const program::Tensor &tensor, std::span<const std::byte> bytes) override;
  Result<std::vector<std::byte>> read(const program::Tensor &tensor) override;

private:
  struct BoundLaunch {
    uint32_t kernel;
    cuda::Launch launch;
  };
  struct BoundCopy {
    cuda::CUdeviceptr target, source; // 0 for zeros
    uint64_t bytes;
  };
  using BoundStep = std::variant<BoundLaunch, BoundCopy>;

  CudaExecutor(const program::Program &program, const cuda::Device &device)
      : Executor(program), device(device) {}
  Result<BoundStep> bind(const program::Step &step) const;
  Result<void> start(const BoundStep &step) const;
  Result<void> prepareClock();
  Result<double> secondsBetween(size_t first, size_t last) const;

  const cuda::Device &device;
  cuda::Memory arena;
  std::vector<cuda::Kernel> kernels;
  std::vector<std::vector<BoundStep>> entries;
  /// What time() needs: bytes that fill the cache, and an event before the steps and behind each.
  cuda::Memory cacheFill;
  std::vector<cuda::CUevent> events;
};

} // namespace stc::runtime

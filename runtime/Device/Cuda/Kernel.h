//===- Kernel.h - kernels of a program on a GPU --------------------------------------===//
#pragma once

#include "runtime/Device/Cuda/Device.h"
#include "runtime/Program/Program_generated.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace stc::runtime::cuda {

/// Error (Machine): the program is for another target than a GPU, or for one of another compute
/// capability.
Result<void> checkTarget(const program::Program &program, const Device &device);

/// A kernel that is loaded. The program and the device must outlive it.
class Kernel {
public:
  /// Error (Machine): the driver does not load it; with its compiler's log where it compiles PTX.
  static Result<Kernel> load(const Device &device, const program::Kernel &kernel);

  /// Blocks that run on the device at once.
  unsigned blocks() const { return residentBlocks; }

private:
  friend class Launch;
  struct Unloader {
    const Driver *driver;
    void operator()(CUmodule module) const { (void)driver->moduleUnload(module); }
  };

  Kernel(const Device &device, const program::Kernel &kernel) : device(&device), source(&kernel) {}
  Result<void> load();
  Result<void> shareMemory();

  const Device *device;
  const program::Kernel *source;
  std::unique_ptr<CUmod_st, Unloader> module;
  CUfunction function = nullptr;
  /// Blocks of a cluster, which take an item together, and blocks that run at once, in clusters.
  unsigned clusterBlocks = 1, residentBlocks = 0;
  unsigned blocksFor(uint64_t items) const;
};

/// A kernel with all parameters of a launch. The kernel must outlive it.
class Launch {
public:
  /// The buffers of the launch are relative to the arena. Error (Machine): the driver refuses a
  /// tensor map; (Input): the kernel takes other parameters.
  static Result<Launch> bind(const Kernel &kernel, const program::Launch &launch,
                             CUdeviceptr arena);
  /// The same of dynamic sizes, with these, on buffers that lie anywhere. Error (Input), too: an
  /// expression has no value.
  static Result<Launch> bind(const Kernel &kernel, const program::Launch &launch,
                             std::span<const CUdeviceptr> buffers, std::span<const int64_t> sizes);
  /// The same for several launches at once.
  static Result<Launch> bind(const Kernel &kernel, const program::Batch &batch, CUdeviceptr arena);
  Launch(Launch &&) = default;
  Launch &operator=(Launch &&) = default;

  /// Whether it has no items; then it must not be started.
  bool isEmpty() const { return blocks == 0; }
  /// Puts it on the device's stream; `behindKernel`: directly behind another kernel, whose end a
  /// kernel that is early waits for by itself.
  Result<void> operator()(bool behindKernel) const {
    return operator()(behindKernel, kernel->device->stream());
  }
  Result<void> operator()(bool behindKernel, CUstream stream) const;

private:
  explicit Launch(const Kernel &kernel) : kernel(&kernel) {}
  static Result<Launch> bind(const Kernel &kernel, std::span<const CUdeviceptr> buffers,
                             uint64_t items, std::span<const int64_t> sizes);
  /// Lists the parameters, and holds them against those of the kernel.
  Result<void> finish();

  const Kernel *kernel;
  unsigned blocks = 0;
  /// Of several launches.
  Memory table;
  /// In the order of the parameters: the maps, then addresses and sizes, then numbers, of which the
  /// kernel reads the lower half.
  std::vector<CUtensorMap> maps;
  std::vector<uint64_t> words;
  size_t numbers = 1;
  std::vector<void *> parameters;
};

} // namespace stc::runtime::cuda

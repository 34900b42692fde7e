//===- Device.h - a GPU and its memory ----------------------------------------------===//
#pragma once

#include "runtime/Device/Cuda/Driver.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace stc::runtime::cuda {

/// A GPU with its primary context, which is current on the thread that opens it, one stream on
/// which all work is done in order, and one beside it for exchange with other GPUs, whose kernels
/// go first.
class Device {
public:
  /// The GPU for one of the processes on this machine, which take those that the driver shows in
  /// turn (the variable CUDA_VISIBLE_DEVICES chooses). Error (Machine): there is no driver or no
  /// GPU.
  static Result<std::unique_ptr<Device>> open(const std::string &library = driverLibrary,
                                              int process = 0);
  /// That of a number among them, for a process that has a current context of its own, which stays.
  static Result<std::unique_ptr<Device>> openBeside(int number,
                                                    const std::string &library = driverLibrary);
  Device(const Device &) = delete;
  ~Device();

  const Driver &driver() const { return *functions; }
  CUstream stream() const { return work; }
  CUstream exchangeStream() const { return exchange; }
  Result<void> synchronize() const { return functions->streamSynchronize(work); }

  /// Runs `body` with the context current on the thread, which after that has what it had before.
  /// Error (Machine): the driver refuses it.
  template <class Body> auto within(Body body) const -> decltype(body()) {
    CUcontext before = nullptr;
    if (auto got = functions->ctxGetCurrent(&before); !got)
      return forward(got);
    if (before == context)
      return body();
    if (auto entered = functions->ctxSetCurrent(context); !entered)
      return forward(entered);
    auto result = body();
    auto left = functions->ctxSetCurrent(before);
    return result && !left ? forward(left) : std::move(result);
  }

  /// "NVIDIA H100 80GB HBM3".
  const std::string &name() const { return label; }
  /// In hexadecimal digits; no other GPU has it.
  const std::string &identity() const { return uuid; }
  /// Compute capability: major and minor.
  std::pair<int, int> capability() const { return {major, minor}; }
  int multiprocessors() const { return processors; }
  int cacheBytes() const { return cache; }

  /// Bytes: what is left now, and all that it has.
  struct MemoryState {
    size_t free = 0, total = 0;
  };
  Result<MemoryState> memory() const;

private:
  Device() = default;

  std::unique_ptr<Driver> functions;
  CUdevice number = 0;
  CUcontext context = nullptr;
  CUstream work = nullptr, exchange = nullptr;
  std::string label, uuid;
  int major = 0, minor = 0, processors = 0, cache = 0;
};

/// Bytes on a device, which must outlive them.
class Memory {
public:
  /// Zeros. Error (Machine): the device has not so much left; says how much it has.
  static Result<Memory> create(const Device &device, uint64_t bytes);
  Memory() = default;
  Memory(Memory &&other) noexcept { *this = std::move(other); }
  Memory &operator=(Memory &&other) noexcept;
  ~Memory();

  CUdeviceptr address() const { return start; }
  uint64_t size() const { return bytes; }

private:
  const Device *device = nullptr;
  CUdeviceptr start = 0;
  uint64_t bytes = 0;
};

} // namespace stc::runtime::cuda

//===- Staging.h - bytes on their way to a GPU ---------------------------------------===//
#pragma once

#include "runtime/Device/Cuda/Event.h"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace stc::runtime::cuda {

/// Memory that a GPU copies from by itself, in a few pieces that are used in turn: bytes are copied
/// into a piece, and the GPU takes them when it comes to it.
class Staging {
public:
  /// The device must outlive it. Error (Machine): what the driver says.
  static Result<Staging> create(const Device &device);

  /// Puts a copy on the device's stream; the bytes may change at once. Waits only where all pieces
  /// are on their way.
  Result<void> write(CUdeviceptr target, std::span<const std::byte> bytes);

private:
  struct Deleter {
    const Driver *driver;
    void operator()(std::byte *memory) const { (void)driver->memFreeHost(memory); }
  };
  struct Piece {
    std::unique_ptr<std::byte, Deleter> memory;
    Event taken;
  };

  explicit Staging(const Device &device) : device(&device) {}

  const Device *device;
  std::vector<Piece> pieces;
  size_t next = 0;
};

} // namespace stc::runtime::cuda

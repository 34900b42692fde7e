//===- Staging.cpp - bytes on their way to a GPU -------------------------------------===//
#include "runtime/Device/Cuda/Staging.h"

#include <algorithm>
#include <cstring>

namespace stc::runtime::cuda {

namespace {
// The inputs of a step fit a piece each; weights go through in many.
constexpr size_t pieceCount = 4, pieceBytes = 4 << 20;
} // namespace

Result<Staging> Staging::create(const Device &device) {
  Staging staging(device);
  for (size_t k = 0; k < pieceCount; ++k) {
    void *memory = nullptr;
    auto allocated = device.driver().memHostAlloc(&memory, pieceBytes, 0);
    if (!allocated)
      return forward(allocated);
    std::unique_ptr<std::byte, Deleter> owned(static_cast<std::byte *>(memory), {&device.driver()});
    auto event = Event::create(device, /*hasClock=*/false);
    if (!event)
      return forward(event);
    staging.pieces.push_back({std::move(owned), std::move(*event)});
  }
  return staging;
}

Result<void> Staging::write(CUdeviceptr target, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const Piece &piece = pieces[next++ % pieces.size()];
    size_t count = std::min(bytes.size(), pieceBytes);
    if (auto taken = piece.taken.wait(); !taken)
      return taken;
    std::memcpy(piece.memory.get(), bytes.data(), count);
    auto copied = device->driver().memcpyHtoD(target, piece.memory.get(), count, device->stream());
    if (copied)
      copied = piece.taken.record();
    if (!copied)
      return copied;
    target += count;
    bytes = bytes.subspan(count);
  }
  return {};
}

} // namespace stc::runtime::cuda

//===- Ceilings.cpp - what this CPU comes to at best ---------------------------------===//
#include "runtime/Device/Host/Ceilings.h"

#include <cstring>

namespace stc::runtime {

/// Bytes of each of the two buffers, more than caches hold, and of a piece that one thread copies.
static constexpr uint64_t bufferBytes = 128 << 20, pieceBytes = 1 << 20;

Result<std::unique_ptr<HostCeilings>> HostCeilings::create(ThreadPool &pool, program::DType dtype) {
  if (auto reserved = reserveBuffers(pool.threads()); !reserved)
    return forward(reserved);
  std::unique_ptr<HostCeilings> ceilings(new HostCeilings(pool, dtype));
  for (Arena *buffer : {&ceilings->source, &ceilings->target}) {
    auto memory = Arena::create(bufferBytes);
    if (!memory)
      return forward(memory);
    *buffer = std::move(*memory);
    // Pages that nobody has written are all the same one.
    pool.parallelFor(bufferBytes / pieceBytes, [&](int64_t piece, int) {
      std::memset(buffer->data() + piece * pieceBytes, 1, pieceBytes);
    });
  }
  return ceilings;
}

Result<Rates> HostCeilings::measure() {
  double seconds = secondsOf([&] {
    pool.parallelFor(bufferBytes / pieceBytes, [&](int64_t piece, int) {
      std::memcpy(target.data() + piece * pieceBytes, source.data() + piece * pieceBytes,
                  pieceBytes);
    });
  });
  return Rates{LargeProduct::flops / product.seconds(), double(copyBytes()) / seconds};
}

} // namespace stc::runtime

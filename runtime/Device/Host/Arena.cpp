//===- Arena.cpp - the device's one piece of memory -------------------------------===//
#include "runtime/Device/Host/Arena.h"
#include "runtime/Device/Host/Limits.h"

#include <algorithm>
#include <cerrno>
#include <sys/mman.h>
#include <utility>

namespace stc::runtime {

static constexpr uint64_t hugePage = 2 << 20;

Result<Arena> Arena::create(uint64_t bytes) {
  Arena arena;
  if (bytes == 0)
    return arena;
  uint64_t padded;
  if (__builtin_add_overflow(bytes, 2 * hugePage, &padded))
    return cannotReserve(bytes, ENOMEM);
  void *mapping = mmap(nullptr, padded, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    return cannotReserve(bytes, errno);
  arena.mapping = mapping;
  arena.mappedBytes = padded;
  arena.bytes = bytes;
  uint64_t address = reinterpret_cast<uint64_t>(mapping);
  arena.start = static_cast<std::byte *>(mapping) + (hugePage - address % hugePage) % hugePage;
  // Small arenas stay on small pages: what is resident is then what is used.
  if (bytes >= hugePage)
    madvise(arena.start, bytes, MADV_HUGEPAGE);
  return arena;
}

Arena::Arena(Arena &&other) noexcept { *this = std::move(other); }

Arena &Arena::operator=(Arena &&other) noexcept {
  std::swap(start, other.start);
  std::swap(bytes, other.bytes);
  std::swap(mapping, other.mapping);
  std::swap(mappedBytes, other.mappedBytes);
  return *this;
}

Arena::~Arena() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

} // namespace stc::runtime

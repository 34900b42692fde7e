//===- Checksum.cpp - whether data is what it was ---------------------------------------===//
#include "runtime/Data/ByteData.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace stc::runtime {

// A run starts within a second also where the data is a hundred gigabytes, or on another machine.
static constexpr int64_t block = 64 << 10, blocks = 4096, most = block * blocks;

Result<uint64_t> ByteData::checksum() const {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  std::vector<std::byte> bytes(std::min(block, size));
  bool whole = size <= most;
  int64_t count = whole ? (size + block - 1) / block : blocks;
  // From one block's start to the next: a number with a remainder.
  int64_t gaps = blocks - 1, step = (size - block) / gaps, rest = (size - block) % gaps;
  for (int64_t k = 0; k < count; ++k) {
    int64_t start = whole ? k * block : k * step + k * rest / gaps;
    int64_t length = std::min(block, size - start);
    for (int64_t done = 0; done < length;) {
      ssize_t got = pread(descriptor, bytes.data() + done, length - done, first + start + done);
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return systemError(path, "read");
      if (got == 0)
        return fail(path + ": the file has shrunk", ErrorKind::Io);
      done += got;
    }
    XXH3_64bits_update(&state, bytes.data(), length);
  }
  XXH3_64bits_update(&state, &size, sizeof(size));
  return XXH3_64bits_digest(&state);
}

} // namespace stc::runtime

//===- ByteData.cpp - windows of a file of bytes --------------------------------------===//
#include "runtime/Data/ByteData.h"
#include "runtime/Data/Permutation.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Philox.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <numeric>
#include <sys/stat.h>
#include <unistd.h>

namespace stc::runtime {

namespace {

struct Extent {
  int64_t first, size;
};

Result<Extent> extentOf(Part part, int64_t bytes, const Settings &settings) {
  if (part == Part::All)
    return Extent{0, bytes};
  Result<std::vector<double>> split = settings.numbers("data.split", {0.9, 0.05, 0.05});
  if (!split)
    return forward(split);
  double sum = std::accumulate(split->begin(), split->end(), 0.0);
  // Thirds that were rounded up may exceed 1 by a little.
  if (split->size() != 3 || *std::ranges::min_element(*split) < 0 || !(sum <= 1 + 1e-6))
    return fail(
        fmt::format("expected three fractions of 1 in all as setting 'data.split', found [{}]",
                    fmt::join(*split, ", ")));
  double before = std::accumulate(split->begin(), split->begin() + static_cast<int>(part), 0.0);
  auto at = [&](double where) {
    return std::min<int64_t>(std::llround(where * static_cast<double>(bytes)), bytes);
  };
  int64_t first = at(before);
  return Extent{first, at(before + (*split)[static_cast<int>(part)]) - first};
}

} // namespace

Result<ByteData> ByteData::open(const std::string &path, Part part, const Settings &settings,
                                int64_t window) {
  ByteData data;
  data.path = path;
  data.window = window;
  data.buffer.resize(window);
  data.descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (data.descriptor < 0)
    return fail(fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
  struct stat status;
  if (fstat(data.descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    return fail(fmt::format("{}: expected a file, found something else", path));
  Result<Extent> extent = extentOf(part, status.st_size, settings);
  if (!extent)
    return forward(extent);
  if (extent->size < window)
    return fail(fmt::format("{}: expected at least {} bytes (one window) in this part of the file, "
                            "found {}",
                            path, window, extent->size));
  data.first = extent->first;
  data.size = extent->size;
  return data;
}

ByteData::ByteData(ByteData &&other) noexcept
    : path(std::move(other.path)), descriptor(std::exchange(other.descriptor, -1)),
      first(other.first), size(other.size), window(other.window), buffer(std::move(other.buffer)) {}

ByteData::~ByteData() {
  if (descriptor >= 0)
    close(descriptor);
}

Result<void> ByteData::readAt(int64_t start, std::span<int32_t> tokens,
                              std::span<int32_t> targets) {
  for (int64_t done = 0; done < window;) {
    ssize_t count = pread(descriptor, buffer.data() + done, window - done, first + start + done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(path, "read");
    if (count == 0)
      return fail(fmt::format("{}: expected {} more bytes at {}: the file has shrunk", path,
                              window - done, first + start + done),
                  ErrorKind::Io);
    done += count;
  }
  std::ranges::copy(buffer, targets.begin());
  tokens[0] = startSymbol;
  std::copy(buffer.begin(), buffer.end() - 1, tokens.begin() + 1);
  return {};
}

Result<void> ByteData::read(int64_t index, std::span<int32_t> tokens, std::span<int32_t> targets) {
  return readAt(index * window, tokens, targets);
}

Result<void> ByteData::readFrom(int64_t start, std::span<int32_t> tokens,
                                std::span<int32_t> targets) {
  if (start < 0 || start > size - window)
    return fail(fmt::format("{}: expected a window of {} bytes inside the {} of this part, got one "
                            "at {}",
                            path, window, size, start));
  return readAt(start, tokens, targets);
}

// One window less than would fit leaves room for every offset.
int64_t ByteData::windowsPerEpoch() const {
  return std::max<int64_t>(1, (size + 1 - window) / window);
}

int64_t ByteData::shuffledStart(int64_t sample, uint64_t seed) const {
  int64_t count = windowsPerEpoch();
  uint64_t epoch = sample / count;
  uint64_t offsets = std::min(window, size - count * window + 1);
  // The permutation's counters have a round number in the second word.
  uint32_t word = philox(
      {0, UINT32_MAX, static_cast<uint32_t>(epoch), static_cast<uint32_t>(epoch >> 32)}, seed)[0];
  int64_t offset = static_cast<int64_t>(word * offsets >> 32);
  return offset + static_cast<int64_t>(Permutation(count, seed, epoch)(sample % count)) * window;
}

Result<void> ByteData::readShuffled(int64_t sample, uint64_t seed, std::span<int32_t> tokens,
                                    std::span<int32_t> targets) {
  return readAt(shuffledStart(sample, seed), tokens, targets);
}

} // namespace stc::runtime

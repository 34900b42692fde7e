//===- ByteData.cpp - windows of data that is bytes ------------------------------------===//
#include "runtime/Data/ByteData.h"
#include "runtime/Data/NpyFile.h"
#include "runtime/Data/Permutation.h"
#include "runtime/Support/File.h"
#include "runtime/Support/FileKind.h"
#include "runtime/Support/Philox.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stc::runtime {

Result<ByteData> ByteData::open(const std::string &path, Part part, const Settings &settings,
                                int64_t window) {
  std::error_code error;
  bool folder = std::filesystem::is_directory(path, error);
  if (folder && part == Part::All)
    return fail(fmt::format("{}: expected one part of a folder (train, valid or test), found all: "
                            "each part is a file of its own",
                            path));
  Result<Vocabulary> vocabulary = Vocabulary::of(settings);
  if (!vocabulary)
    return forward(vocabulary);
  ByteData data(folder ? fmt::format("{}/{}.npy", path, partNames[int(part)]) : path, window,
                *vocabulary);
  if (folder && !std::filesystem::exists(data.path, error))
    return fail(fmt::format("{}: expected a folder that stc-run prepare wrote, found no {}.npy",
                            path, partNames[int(part)]));
  if (auto opened = data.openFile(); !opened)
    return forward(opened);
  if (auto selected = data.select(folder ? Part::All : part, settings); !selected)
    return forward(selected);
  data.buffer.resize(window);
  if (auto scanned = data.scan(); !scanned)
    return forward(scanned);
  return data;
}

// A second or so of reading. Beyond it, what is wrong is found with the window that has it.
Result<void> ByteData::scan() {
  constexpr int64_t mostBytes = 512 << 20, pieceBytes = 1 << 20;
  if (vocabulary.hasAllBytes() || size > mostBytes)
    return {};
  std::vector<uint8_t> piece(std::min(size, pieceBytes));
  for (int64_t start = 0; start < size; start += pieceBytes)
    if (auto read = readBytes(start, std::span(piece).first(std::min(size - start, pieceBytes)));
        !read)
      return read;
  return {};
}

// Finds out where the data is: the file is all of it, or a .npy array.
Result<void> ByteData::openFile() {
  Result<int> opened = openToRead(path);
  if (!opened)
    return forward(opened);
  descriptor = *opened;
  struct stat status;
  if (fstat(descriptor, &status) != 0)
    return systemError(path, "read");
  size = status.st_size;
  return readNpyStart();
}

Result<void> ByteData::readNpyStart() {
  std::vector<std::byte> start(std::min<int64_t>(size, 1 << 16));
  ssize_t count = pread(descriptor, start.data(), start.size(), 0);
  if (count < 0)
    return systemError(path, "read");
  start.resize(count);
  if (!isNpy(start)) {
    const FileKind *kind = fileKind(start);
    return !kind ? Result<void>()
                 : fail(fmt::format("{}: expected plain bytes or a .npy array, found {}: {}", path,
                                    kind->name, adviceForBytes(*kind)));
  }
  Result<NpyHeader> header = parseNpyHeader(start);
  if (!header)
    return fail(fmt::format("{}: {}", path, header.error().message));
  if (header->dtype != program::DType::U8 || header->shape.empty())
    return fail(fmt::format("{}: expected an array of u8 of at least one dimension, found {}", path,
                            describe(*header)));
  if (size - header->dataStart != header->dataBytes)
    return fail(fmt::format("{}: expected {} bytes of {} after the header, found {}", path,
                            header->dataBytes, describe(*header), size - header->dataStart));
  first = header->dataStart;
  size = header->dataBytes;
  records = header->shape.size() > 1;
  if (!records)
    return {};
  std::span<const int64_t> record = std::span(header->shape).subspan(1);
  // An empty array may have any sizes, whose product need not fit.
  int64_t bytes = size > 0 ? size / header->shape[0] : window;
  if (bytes != window)
    return fail(fmt::format("{}: expected records of {} bytes, the model's context, found {} = {}",
                            path, window, fmt::join(record, " x "), bytes));
  return {};
}

Result<void> ByteData::select(Part part, const Settings &settings) {
  int64_t unit = records ? window : 1;
  Split split({1, 0, 0}, size / unit);
  if (part != Part::All) {
    auto fractions = splitFractions(settings);
    if (!fractions)
      return forward(fractions);
    split = Split(*fractions, size / unit);
  }
  first += split.first(part) * unit;
  size = split.size(part) * unit;
  if (size >= window)
    return {};
  if (records)
    return fail(
        fmt::format("{}: expected at least one record in this part of the file, found none", path));
  return fail(fmt::format("{}: expected at least {} bytes (one window) in this part of the file, "
                          "found {}",
                          path, window, size));
}

ByteData::ByteData(ByteData &&other) noexcept
    : path(std::move(other.path)), descriptor(std::exchange(other.descriptor, -1)),
      first(other.first), size(other.size), window(other.window), vocabulary(other.vocabulary),
      records(other.records), buffer(std::move(other.buffer)) {}

ByteData::~ByteData() {
  if (descriptor >= 0)
    close(descriptor);
}

Result<void> ByteData::readBytes(int64_t start, std::span<uint8_t> bytes) {
  const int64_t size = bytes.size();
  for (int64_t done = 0; done < size;) {
    ssize_t count = pread(descriptor, bytes.data() + done, size - done, first + start + done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(path, "read");
    if (count == 0)
      return fail(fmt::format("{}: expected {} more bytes at {}: the file has shrunk", path,
                              size - done, first + start + done),
                  ErrorKind::Io);
    done += count;
  }
  return vocabulary.check(bytes, path, first + start);
}

Result<void> ByteData::readAt(int64_t start, std::span<int32_t> tokens,
                              std::span<int32_t> targets) {
  if (auto read = readBytes(start, buffer); !read)
    return read;
  std::ranges::copy(buffer, targets.begin());
  tokens[0] = vocabulary.startSymbol();
  std::copy(buffer.begin(), buffer.end() - 1, tokens.begin() + 1);
  return {};
}

Result<void> ByteData::read(int64_t index, std::span<int32_t> tokens, std::span<int32_t> targets) {
  return readAt(index * window, tokens, targets);
}

Result<void> ByteData::readFrom(int64_t start, std::span<int32_t> tokens,
                                std::span<int32_t> targets) {
  if (records)
    return fail(fmt::format("{}: expected a stream of bytes, found records of {}: a context begins "
                            "with its record",
                            path, window));
  if (start < 0 || start > size - window)
    return fail(fmt::format("{}: expected a window of {} bytes inside the {} of this part, found one "
                            "at {}",
                            path, window, size, start));
  return readAt(start, tokens, targets);
}

// In a stream, one window less than would fit leaves room for every offset.
int64_t ByteData::windowsPerEpoch() const {
  if (records)
    return windows();
  return std::max<int64_t>(1, (size + 1 - window) / window);
}

int64_t ByteData::shuffledStart(int64_t sample, uint64_t seed) const {
  int64_t count = windowsPerEpoch();
  uint64_t epoch = sample / count;
  uint64_t offsets = records ? 1 : std::min(window, size - count * window + 1);
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

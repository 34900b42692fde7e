//===- TensorBoard.cpp - the numbers of a run, for TensorBoard -----------------------------===//
#include "runtime/Train/TensorBoard.h"
#include "runtime/Support/File.h"

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace stc::runtime {

namespace {

// The fields' numbers in event.proto and summary.proto.
namespace event_field {
constexpr uint32_t wallTime = 1, step = 2, fileVersion = 3, summary = 5, sessionLog = 7;
}
namespace summary_field {
constexpr uint32_t value = 1;
}
namespace value_field {
constexpr uint32_t tag = 1, simpleValue = 2;
}
namespace session_field {
constexpr uint32_t status = 1, start = 1;
}

// Protocol Buffers' encoding (https://protobuf.dev/programming-guides/encoding): a field is a
// varint of its number and wire type, then the value.
enum WireType : uint32_t { Varint = 0, Fixed64 = 1, Length = 2, Fixed32 = 5 };

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7)
    bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

template <class T> std::string littleEndian(T value) {
  static_assert(std::endian::native == std::endian::little);
  return {reinterpret_cast<const char *>(&value), sizeof(value)};
}

std::string key(uint32_t number, WireType type) { return varint(number << 3 | type); }

std::string field(uint32_t number, uint64_t value) { return key(number, Varint) + varint(value); }

std::string field(uint32_t number, std::string_view bytes) {
  return key(number, Length) + varint(bytes.size()) + std::string(bytes);
}

std::string record(std::string_view data) {
  std::string length = littleEndian<uint64_t>(data.size());
  return length + littleEndian(maskedCrc32c(length)) + std::string(data) +
         littleEndian(maskedCrc32c(data));
}

double wallTime() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

uint32_t maskedCrc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t remainder = i;
      for (int bit = 0; bit < 8; ++bit)
        remainder = remainder >> 1 ^ (remainder & 1 ? 0x82F63B78 : 0);
      entries[i] = remainder;
    }
    return entries;
  }();
  uint32_t crc = ~uint32_t(0);
  for (char byte : bytes)
    crc = crc >> 8 ^ table[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return std::rotr(~crc, 15) + 0xa282ead8;
}

Result<TensorBoardFile> TensorBoardFile::create(const std::string &folder, int64_t step) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(fmt::format("{}: cannot create: {}", folder, error.message()), ErrorKind::Io);
  char host[256] = "host";
  gethostname(host, sizeof(host) - 1);
  // TensorBoard reads a folder's files in the order of their names: a number keeps apart those of
  // one second.
  TensorBoardFile file;
  for (int number = 0; file.descriptor < 0; ++number) {
    file.path = fmt::format("{}/events.out.tfevents.{:010.0f}.{:04}.{}", folder,
                            std::floor(wallTime()), number, host);
    file.descriptor = ::open(file.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor < 0 && errno != EEXIST)
      return systemError(file.path, "create");
  }
  file.event(0, field(event_field::fileVersion, "brain.Event:2"));
  file.event(step + 1, field(event_field::sessionLog,
                             field(session_field::status, uint64_t(session_field::start))));
  if (auto written = file.flush(); !written)
    return forward(written);
  return file;
}

TensorBoardFile::TensorBoardFile(TensorBoardFile &&other) noexcept
    : path(std::move(other.path)), buffer(std::move(other.buffer)),
      descriptor(std::exchange(other.descriptor, -1)) {}

TensorBoardFile::~TensorBoardFile() {
  if (descriptor >= 0)
    close(descriptor);
}

void TensorBoardFile::event(int64_t step, std::string_view what) {
  buffer += record(key(event_field::wallTime, Fixed64) + littleEndian(wallTime()) +
                   field(event_field::step, static_cast<uint64_t>(step)) + std::string(what));
}

void TensorBoardFile::scalar(std::string_view curve, int64_t step, double value) {
  if (!std::isfinite(value))
    return;
  std::string point = field(value_field::tag, curve) + key(value_field::simpleValue, Fixed32) +
                      littleEndian(static_cast<float>(value));
  event(step, field(event_field::summary, field(summary_field::value, point)));
}

Result<void> TensorBoardFile::flush() {
  auto written = writeAll(descriptor, std::as_bytes(std::span(buffer)), path);
  buffer.clear();
  return written;
}

} // namespace stc::runtime

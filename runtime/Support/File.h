//===- File.h - reading by mapping, writing all or nothing ---------------------===//
//
// Every file that the runtime reads whole is mapped, every file that it writes appears under its
// name only when it is complete and on the disk.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"
#include "runtime/Support/Mapping.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace stc::runtime {

/// A regular file mapped read-only. Moves, does not copy. An empty file has an empty span. See
/// Mapping.h for what happens if it shrinks.
class MappedFile {
public:
  /// Errors: no such file, a folder, a pipe or a device.
  static Result<MappedFile> open(const std::string &path);

  std::span<const std::byte> bytes() const {
    return mapping ? std::span(mapping->data, mapping->size) : std::span<const std::byte>();
  }
  std::string_view text() const {
    return {reinterpret_cast<const char *>(bytes().data()), bytes().size()};
  }

  /// Error (Io): the file has shrunk since it was opened. To be asked when it was read, before what
  /// was read is used.
  Result<void> check() const { return mapping ? mapping->check() : Result<void>(); }

private:
  std::unique_ptr<Mapping> mapping;
};

/// Opens a regular file to read. Errors: no such file, a folder, a pipe or a device, whose name is
/// in the message. Does not wait for the other end of a pipe.
Result<int> openToRead(const std::string &path);

/// Writes a file under a temporary name beside the wanted one; commit() syncs it and renames it.
/// Without a commit, nothing is left behind. A device or a pipe is written to as it is. While a
/// mapped file has shrunk, nothing is committed.
class AtomicFile {
public:
  /// Error: the path names a folder; (Io) that the system refuses.
  static Result<AtomicFile> create(const std::string &path);
  /// An error if create() would be one, for those who write only after long work. Leaves nothing.
  static Result<void> check(const std::string &path);
  AtomicFile(AtomicFile &&other) noexcept;
  ~AtomicFile();

  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  /// Replaces bytes that were written before, such as a header that counts what followed.
  Result<void> writeAt(int64_t offset, std::string_view text);
  /// Reads what was written before. Not of a device or a pipe.
  Result<void> readAt(int64_t offset, std::span<std::byte> bytes) const;
  /// Takes back what was written after the first `size` bytes.
  Result<void> cutTo(int64_t size);
  Result<void> commit();

private:
  AtomicFile() = default;

  std::string path;
  std::unique_ptr<Temporary> temporary; // none for a device or a pipe
  int descriptor = -1;
};

/// Writes all of the bytes to an open file; `path` is for the message. Error: Io.
Result<void> writeAll(int descriptor, std::span<const std::byte> bytes, const std::string &path);

/// Brings the names in a folder to the disk: what was created, renamed or removed there. Error: Io.
Result<void> syncFolder(const std::string &path);

/// The system's words for errno, after the path: "<path>: cannot <verb>: No space left on device".
tl::unexpected<Error> systemError(const std::string &path, const char *verb);

/// The first bytes of a file for a message, with dots for what does not print: PK..
std::string printableStart(std::span<const std::byte> bytes, size_t limit = 8);

/// A name or value out of a file for a message, which is one line whatever the file holds.
inline std::string printable(std::string_view name) {
  constexpr size_t longest = 80;
  return printableStart(std::as_bytes(std::span(name)), longest);
}

} // namespace stc::runtime

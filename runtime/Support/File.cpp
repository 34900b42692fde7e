//===- File.cpp - reading by mapping, writing all or nothing -------------------===//
#include "runtime/Support/File.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stc::runtime {

tl::unexpected<Error> systemError(const std::string &path, const char *verb) {
  return fail(fmt::format("{}: cannot {}: {}", path, verb, std::strerror(errno)), ErrorKind::Io);
}

std::string printableStart(std::span<const std::byte> bytes, size_t limit) {
  std::string text;
  for (std::byte byte : bytes.first(std::min(bytes.size(), limit))) {
    char c = static_cast<char>(byte);
    text += c >= 0x20 && c < 0x7f && c != '"' ? c : '.';
  }
  return text;
}

Result<MappedFile> MappedFile::open(const std::string &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return fail(fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
  struct stat status;
  MappedFile file;
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor);
    return fail(fmt::format("{}: expected a file, found something else", path));
  }
  file.size = status.st_size;
  if (file.size > 0) {
    void *mapping = mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapping == MAP_FAILED) {
      file.size = 0;
      auto error = systemError(path, "map");
      close(descriptor);
      return error;
    }
    file.data = static_cast<const std::byte *>(mapping);
  }
  close(descriptor);
  return file;
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : data(std::exchange(other.data, nullptr)), size(std::exchange(other.size, 0)) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(data, other.data);
  std::swap(size, other.size);
  return *this;
}

MappedFile::~MappedFile() {
  if (data)
    munmap(const_cast<std::byte *>(data), size);
}

Result<AtomicFile> AtomicFile::create(const std::string &path) {
  AtomicFile file;
  file.path = path;
  // A device or a pipe is written to, not replaced by a file.
  struct stat status;
  bool special =
      stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
  if (!special)
    file.temporary = fmt::format("{}.tmp{}", path, getpid());
  file.descriptor = ::open(special ? path.c_str() : file.temporary.c_str(),
                           O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file.descriptor < 0)
    return systemError(path, "create");
  return file;
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : path(std::move(other.path)), temporary(std::move(other.temporary)),
      descriptor(std::exchange(other.descriptor, -1)) {}

AtomicFile::~AtomicFile() {
  if (descriptor < 0)
    return;
  close(descriptor);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

Result<void> writeAll(int descriptor, std::span<const std::byte> bytes, const std::string &path) {
  while (!bytes.empty()) {
    ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return systemError(path, "write");
    bytes = bytes.subspan(written);
  }
  return {};
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  return writeAll(descriptor, bytes, path);
}

Result<void> AtomicFile::writeAt(int64_t offset, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = pwrite(descriptor, text.data(), text.size(), offset);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return systemError(path, "write");
    text.remove_prefix(written);
    offset += written;
  }
  return {};
}

Result<void> AtomicFile::cutTo(int64_t size) {
  if (ftruncate(descriptor, size) != 0 || lseek(descriptor, size, SEEK_SET) < 0)
    return systemError(path, "write");
  return {};
}

Result<void> AtomicFile::commit() {
  if (temporary.empty()) {
    close(std::exchange(descriptor, -1));
    return {};
  }
  if (fsync(descriptor) != 0)
    return systemError(path, "write");
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return systemError(path, "rename to");
  close(std::exchange(descriptor, -1));
  // The new name itself is on the disk only when its folder is.
  size_t slash = path.rfind('/');
  return syncFolder(slash == std::string::npos ? "." : path.substr(0, slash + 1));
}

Result<void> syncFolder(const std::string &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return systemError(path, "open");
  // A file system that cannot sync a folder says EINVAL.
  bool synced = fsync(descriptor) == 0 || errno == EINVAL;
  auto error = systemError(path, "sync");
  close(descriptor);
  return synced ? Result<void>() : error;
}

} // namespace stc::runtime

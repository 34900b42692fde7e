//===- File.cpp - reading by mapping, writing all or nothing -------------------===//
#include "runtime/Support/File.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
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

static const char *kindOf(mode_t mode) {
  return S_ISDIR(mode)                      ? "a folder"
         : S_ISFIFO(mode) || S_ISSOCK(mode) ? "a pipe: write what comes out of it to a file"
                                            : "a device";
}

Result<int> openToRead(const std::string &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return fail(fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
  struct stat status;
  if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode))
    return descriptor;
  close(descriptor);
  return fail(fmt::format("{}: expected a file, found {}", path, kindOf(status.st_mode)));
}

Result<MappedFile> MappedFile::open(const std::string &path) {
  Result<int> descriptor = openToRead(path);
  if (!descriptor)
    return forward(descriptor);
  struct stat status;
  if (fstat(*descriptor, &status) != 0) {
    close(*descriptor);
    return systemError(path, "read");
  }
  MappedFile file;
  file.mapping = std::make_unique<Mapping>(path, *descriptor, status.st_size);
  if (status.st_size > 0 && !file.mapping->data)
    return systemError(path, "map");
  return file;
}

namespace {
enum class Kind { None, File, Folder, Special };
} // namespace

static Kind kindOf(const std::string &path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0)
    return path.ends_with('/') ? Kind::Folder : Kind::None;
  return S_ISREG(status.st_mode)   ? Kind::File
         : S_ISDIR(status.st_mode) ? Kind::Folder
                                   : Kind::Special;
}

Result<void> AtomicFile::check(const std::string &path) {
  // To open a pipe and to close it is the end for its reader.
  if (kindOf(path) == Kind::Special)
    return {};
  Result<AtomicFile> file = create(path);
  return file ? Result<void>() : forward(file);
}

Result<AtomicFile> AtomicFile::create(const std::string &path) {
  const Kind kind = kindOf(path);
  if (path.empty())
    return fail("expected the name of a file to write, found an empty one");
  if (kind == Kind::Folder)
    return fail(fmt::format("{}: expected the name of a file to write, found a folder's", path));
  AtomicFile file;
  file.path = path;
  // A device or a pipe is written to, not replaced by a file.
  const bool special = kind == Kind::Special;
  std::string name = special ? path : fmt::format("{}.tmp{}", path, getpid());
  int access = special ? O_WRONLY : O_RDWR;
  file.descriptor = ::open(name.c_str(), access | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file.descriptor < 0)
    return systemError(path, "create");
  if (!special)
    file.temporary = std::make_unique<Temporary>(std::move(name));
  return file;
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : path(std::move(other.path)), temporary(std::move(other.temporary)),
      descriptor(std::exchange(other.descriptor, -1)) {}

AtomicFile::~AtomicFile() {
  if (descriptor >= 0)
    close(descriptor);
}

Result<void> writeAll(int descriptor, std::span<const std::byte> bytes, const std::string &path) {
  while (!bytes.empty()) {
    ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0 && errno == EFAULT) // a page of a mapped file that is not there any more
      if (auto checked = checkMappings(); !checked)
        return checked;
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

Result<void> AtomicFile::readAt(int64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    ssize_t count = pread(descriptor, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return systemError(path, "read");
    bytes = bytes.subspan(count);
    offset += count;
  }
  return {};
}

Result<void> AtomicFile::cutTo(int64_t size) {
  if (ftruncate(descriptor, size) != 0 || lseek(descriptor, size, SEEK_SET) < 0)
    return systemError(path, "write");
  return {};
}

Result<void> AtomicFile::commit() {
  if (auto checked = checkMappings(); !checked)
    return checked;
  if (!temporary) {
    close(std::exchange(descriptor, -1));
    return {};
  }
  if (fsync(descriptor) != 0)
    return systemError(path, "write");
  if (rename(temporary->path.c_str(), path.c_str()) != 0)
    return systemError(path, "rename to");
  temporary->release();
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

//===- MemoryFile.h - files for the tools that are processes ----*- C++ -*-===//
#pragma once

#include <llvm/Support/MemoryBuffer.h>

#include <cerrno>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace stc {

/// A file in memory, which a child process has under the same name.
class MemoryFile {
public:
  explicit MemoryFile(const char *name) : descriptor(memfd_create(name, 0)) {}
  MemoryFile(MemoryFile &&other) noexcept : descriptor(std::exchange(other.descriptor, -1)) {}
  ~MemoryFile() {
    if (descriptor >= 0)
      close(descriptor);
  }

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor); }

  bool write(const std::string &contents) const {
    size_t written = 0;
    while (descriptor >= 0 && written < contents.size()) {
      ssize_t count = ::write(descriptor, contents.data() + written, contents.size() - written);
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return false;
      written += count;
    }
    return descriptor >= 0;
  }

  std::string read() const {
    auto buffer = llvm::MemoryBuffer::getFile(path(), /*IsText=*/false,
                                              /*RequiresNullTerminator=*/false);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  }

private:
  int descriptor;
};

} // namespace stc

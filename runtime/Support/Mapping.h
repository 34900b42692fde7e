//===- Mapping.h - mapped files that shrink, temporary files ----------------------------------===//
//
// Where a mapped file has become shorter, the system has nothing to give for its last pages and
// ends the process by SIGBUS. Here that ends it in words, with the exit code of an error of
// reading, and no temporary file is left. Files that shrink within their last page give zeros and
// no signal, so that nothing that was read is trusted before checkMappings() or Mapping::check().
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstddef>
#include <string>

namespace stc::runtime {

/// A mapping of a whole file; known to the handler of SIGBUS while it lives.
struct Mapping {
  /// Maps nothing where the size is 0. Owns the descriptor. `data` is null after an error of mmap.
  Mapping(std::string path, int descriptor, size_t size);
  ~Mapping();
  Mapping(const Mapping &) = delete;
  Mapping &operator=(const Mapping &) = delete;

  /// Error (Io): the file has shrunk since it was mapped.
  Result<void> check() const;

  const std::string path;
  const std::byte *data = nullptr;
  const size_t size;

private:
  const int descriptor;
};

/// The same of all files that are mapped now.
Result<void> checkMappings();

/// A file that is removed with this object, or by the handler of SIGBUS.
struct Temporary {
  explicit Temporary(std::string path);
  ~Temporary();
  Temporary(const Temporary &) = delete;
  Temporary &operator=(const Temporary &) = delete;

  /// It has another name now: there is nothing to remove.
  void release();

  const std::string path;

private:
  bool released = false;
};

} // namespace stc::runtime

//===- Zip.h - reading a member of a zip archive --------------------------------------------===//
//
// What numpy.savez writes: members stored or deflated, with zip64 where they are large. PKWARE's
// APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace stc::runtime {

/// Whether bytes begin as a zip archive does.
bool isZip(std::span<const std::byte> bytes);

/// Reads a member from its start to its end, with constant memory. Messages name no file.
class ZipMember {
public:
  /// `archive` is all of the file and must outlive the member. Errors: no such member, a broken
  /// archive, encryption, another compression.
  static Result<ZipMember> open(std::span<const std::byte> archive, std::string_view name);
  ZipMember(ZipMember &&) noexcept;
  ~ZipMember();

  /// Bytes of the whole member, as the archive says.
  int64_t size() const { return total; }

  /// Fills `out` with the next bytes. The last byte of the member checks the sum of all. Errors: it
  /// ends before, broken data, a wrong sum.
  Result<void> read(std::span<std::byte> out);

private:
  struct Inflater;
  ZipMember() = default;

  std::span<const std::byte> rest;    // of the compressed bytes
  std::unique_ptr<Inflater> inflater; // none for a stored member
  int64_t total = 0, done = 0;
  uint32_t expectedSum = 0, sum = 0;
};

} // namespace stc::runtime

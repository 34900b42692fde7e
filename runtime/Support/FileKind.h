//===- FileKind.h - what a file is by its first bytes -----------------------------------------===//
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace stc::runtime {

/// A format whose files are something else than the bytes that they hold: compressed, or with a
/// header.
struct FileKind {
  enum Content { Picture, Sound, Archive, Other };
  const char *name; ///< with its article: "a WAV sound"
  Content content = Other;
};

/// What a file is, by its beginning (4 KiB are enough); null for text and other plain bytes.
const FileKind *fileKind(std::span<const std::byte> start);

/// For messages: "a WAV sound", or "a file that begins with "#!/bin/s"".
std::string describeFile(std::span<const std::byte> start);

/// What to do with such a file where plain bytes are wanted.
std::string adviceForBytes(const FileKind &kind);

} // namespace stc::runtime

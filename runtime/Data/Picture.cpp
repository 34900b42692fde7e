//===- Picture.cpp - pictures as bytes ----------------------------------------------------===//
#include "runtime/Data/Picture.h"
#include "runtime/Support/FileKind.h"

#include <cctype>
#include <cstring>
#include <fmt/format.h>
#include <string_view>

namespace stc::runtime {

namespace {

bool startsWith(std::span<const std::byte> bytes, std::string_view start) {
  return bytes.size() >= start.size() && std::memcmp(bytes.data(), start.data(), start.size()) == 0;
}

bool isPng(std::span<const std::byte> bytes) { return startsWith(bytes, "\x89PNG\r\n\x1a\n"); }
bool isJpeg(std::span<const std::byte> bytes) { return startsWith(bytes, "\xff\xd8\xff"); }

} // namespace

bool isPicture(std::span<const std::byte> bytes) { return isPng(bytes) || isJpeg(bytes); }

Result<Picture> decodePicture(std::span<const std::byte> bytes) {
  if (isPng(bytes))
    return decodePng(bytes);
  if (isJpeg(bytes))
    return decodeJpeg(bytes);
  return fail(fmt::format("expected a PNG or JPEG picture, found {}", describeFile(bytes)));
}

Result<void> checkPictureSize(int64_t height, int64_t width) {
  if (height <= 0 || width <= 0 || height > maxPixels / width)
    return fail(fmt::format("expected at most {} pixels, found {} x {}", maxPixels, height, width));
  return {};
}

std::string lowerFirst(std::string message) {
  if (!message.empty())
    message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
  return message;
}

tl::unexpected<Error> brokenPicture(const char *format, const char *message) {
  return fail(fmt::format("broken {}: {}", format, lowerFirst(message)));
}

} // namespace stc::runtime

//===- Picture.cpp - decoding PNG and JPEG ------------------------------------------------===//
#include "runtime/Data/Picture.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <png.h>
#include <string_view>
#include <turbojpeg.h>

namespace stc::runtime {

namespace {

bool startsWith(std::span<const std::byte> bytes, std::string_view start) {
  return bytes.size() >= start.size() && std::memcmp(bytes.data(), start.data(), start.size()) == 0;
}

bool isPng(std::span<const std::byte> bytes) { return startsWith(bytes, "\x89PNG\r\n\x1a\n"); }
bool isJpeg(std::span<const std::byte> bytes) { return startsWith(bytes, "\xff\xd8\xff"); }

// The libraries' messages begin with a capital.
tl::unexpected<Error> broken(const char *kind, std::string message) {
  if (!message.empty())
    message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
  return fail(fmt::format("broken {}: {}", kind, message));
}

Result<Picture> allocate(int64_t height, int64_t width) {
  if (height <= 0 || width <= 0 || height > maxPixels / width)
    return fail(fmt::format("expected at most {} pixels, found {} x {}", maxPixels, height, width));
  return Picture{height, width, std::vector<uint8_t>(height * width * 3)};
}

Result<Picture> decodePng(std::span<const std::byte> bytes) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  std::unique_ptr<png_image, void (*)(png_image *)> guard(&image, png_image_free);
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()))
    return broken("PNG", image.message);
  Result<Picture> picture = allocate(image.height, image.width);
  if (!picture)
    return picture;
  image.format = PNG_FORMAT_RGB;
  const png_color white = {255, 255, 255};
  // Warnings are of things that do no harm, such as a wrong colour profile.
  if (!png_image_finish_read(&image, &white, picture->pixels.data(), 0, nullptr))
    return broken("PNG", image.message);
  return picture;
}

Result<Picture> decodeJpeg(std::span<const std::byte> bytes) {
  std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  if (!decoder)
    return broken("JPEG", tjGetErrorStr2(nullptr));
  auto data = reinterpret_cast<const unsigned char *>(bytes.data());
  int width = 0, height = 0, subsampling = 0, colors = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling,
                          &colors) != 0)
    return broken("JPEG", tjGetErrorStr2(decoder.get()));
  if (colors == TJCS_CMYK || colors == TJCS_YCCK)
    return fail("expected a gray or RGB JPEG, found CMYK");
  Result<Picture> picture = allocate(height, width);
  if (!picture)
    return picture;
  // A file that is cut short is a warning to the library, which fills the rest with gray. Endless
  // scans of a progressive file are how a small one takes minutes.
  if (tjDecompress2(decoder.get(), data, bytes.size(), picture->pixels.data(), width, 0, height,
                    TJPF_RGB, TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS | TJFLAG_ACCURATEDCT) != 0)
    return broken("JPEG", tjGetErrorStr2(decoder.get()));
  return picture;
}

} // namespace

bool isPicture(std::span<const std::byte> bytes) { return isPng(bytes) || isJpeg(bytes); }

Result<Picture> decodePicture(std::span<const std::byte> bytes) {
  if (isPng(bytes))
    return decodePng(bytes);
  if (isJpeg(bytes))
    return decodeJpeg(bytes);
  return fail(fmt::format("expected a PNG or JPEG picture, found a file that begins with \"{}\"",
                          printableStart(bytes)));
}

} // namespace stc::runtime

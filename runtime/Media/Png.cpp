//===- Png.cpp - .png files, by libpng -------------------------------------------------===//
#include "runtime/Media/Image.h"
#include "runtime/Support/File.h"

#include <fmt/format.h>
#include <png.h>

namespace stc::runtime {

// Sides that every reader can take; libpng's own limit.
static constexpr int64_t maxSide = 1'000'000;

Result<void> writePng(const std::string &path, const Image &image) {
  if (image.channels != 1 && image.channels != 3)
    return fail(
        fmt::format("{}: expected an image of 1 or 3 channels, found {}", path, image.channels));
  if (image.height < 1 || image.width < 1 || image.height > maxSide || image.width > maxSide)
    return fail(fmt::format("{}: expected an image of sides of 1 to {} pixels, found {} x {}", path,
                            maxSide, image.height, image.width));
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::vector<std::byte> bytes(PNG_IMAGE_PNG_SIZE_MAX(png));
  png_alloc_size_t size = bytes.size();
  if (!png_image_write_to_memory(&png, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr))
    return fail(fmt::format("{}: cannot compress: {}", path, png.message), ErrorKind::Io);

  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return forward(file);
  if (auto written = file->write(std::span(bytes).first(size)); !written)
    return written;
  return file->commit();
}

} // namespace stc::runtime

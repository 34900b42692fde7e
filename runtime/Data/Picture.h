//===- Picture.h - pictures as bytes ------------------------------------------------------===//
//
// Decodes PNG (libpng) and JPEG (libjpeg-turbo), and brings pictures to a model's shape.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

/// 8-bit RGB, row by row, pixel by pixel: the byte of channel c at row y and column x is
/// pixels[(y * width + x) * 3 + c].
struct Picture {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;
  std::string warning = {}; ///< what is odd about the file, though the pixels are all there
};

/// A picture of more pixels is refused before any memory is taken for it.
inline constexpr int64_t maxPixels = int64_t(1) << 28;

/// Whether bytes begin as a PNG or a JPEG does.
bool isPicture(std::span<const std::byte> bytes);

/// Decodes a PNG or JPEG; gray becomes RGB, what is transparent is laid over white, 16 bits become
/// their upper 8. Values are taken for sRGB whatever a gAMA chunk or a profile says. EXIF
/// orientation is ignored. Errors (they name no file): neither of both, broken or cut short, more
/// than maxPixels, CMYK.
Result<Picture> decodePicture(std::span<const std::byte> bytes);

/// One for each format. They take for granted that the file begins as it should.
Result<Picture> decodePng(std::span<const std::byte> file);
Result<Picture> decodeJpeg(std::span<const std::byte> file);

/// Refuses pictures of more than maxPixels, or none.
Result<void> checkPictureSize(int64_t height, int64_t width);

/// A library's message, which begins with a capital, as ours begin; and behind "broken PNG: ".
std::string lowerFirst(std::string message);
tl::unexpected<Error> brokenPicture(const char *format, const char *message);

/// Height, width and channels (1 or 3) that a model wants.
struct PictureShape {
  int64_t height, width, channels;
  int64_t bytes() const { return height * width * channels; }
};

/// How a picture comes to a shape.
struct PictureFit {
  enum Kind {
    Scale, ///< its largest middle part of the shape's proportions, scaled by area averaging
    Cut,   ///< scaled to 1/reduce, then cut into as many tiles as fit, from its middle
  };
  Kind kind = Scale;
  int64_t reduce = 1;
};

/// The records, one after the other, that a picture gives: one by scaling, any number by cutting.
/// Each is in a model's order: row, column, channel. Gray is the luma of ITU-R BT.601. Error: the
/// picture is smaller than the shape; nothing is ever scaled up.
Result<std::vector<uint8_t>> fitPicture(const Picture &picture, const PictureShape &shape,
                                        const PictureFit &fit);

} // namespace stc::runtime

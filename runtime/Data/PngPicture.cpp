//===- PngPicture.cpp - decoding PNG by libpng ------------------------------------------------===//
//
// Values are taken as they are, as Pillow and OpenCV do: 16 bits become their upper 8, and a gAMA
// chunk, which is often wrong, changes nothing. libpng's simplified reader would take 16 bits
// without such a chunk for linear light, and lay transparent pixels over white in linear light.
//
//===----------------------------------------------------------------------===//
#include "runtime/Data/Picture.h"

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <png.h>
#include <string>

namespace stc::runtime {

namespace {

/// libpng leaves a function by longjmp where a file is broken, so that no function that calls it
/// has anything to destroy.
class PngDecoder {
public:
  explicit PngDecoder(std::span<const std::byte> file) : rest(file) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, onError, onWarning);
    if (png)
      info = png_create_info_struct(png);
  }
  ~PngDecoder() { png_destroy_read_struct(&png, &info, nullptr); }
  PngDecoder(const PngDecoder &) = delete;
  PngDecoder &operator=(const PngDecoder &) = delete;

  bool ready() const { return info != nullptr; }
  const char *error() const { return message; }
  int64_t height() const { return png_get_image_height(png, info); }
  int64_t width() const { return png_get_image_width(png, info); }
  /// 3, or 4 with alpha. Known after readHeader().
  int64_t channels() const { return png_get_channels(png, info); }

  /// Reads up to the pixels, and asks for 8-bit RGB or RGBA.
  bool readHeader() {
    if (setjmp(png_jmpbuf(png)))
      return false;
    png_set_read_fn(png, this, onRead);
    png_set_benign_errors(png, 1);
    png_read_info(png, info);
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    return true;
  }

  bool readRows(png_bytepp rows) {
    if (setjmp(png_jmpbuf(png)))
      return false;
    png_read_image(png, rows);
    return true;
  }

private:
  static void onRead(png_structp png, png_bytep out, size_t size) {
    auto &decoder = *static_cast<PngDecoder *>(png_get_io_ptr(png));
    if (size > decoder.rest.size())
      png_error(png, "it is cut short");
    std::memcpy(out, decoder.rest.data(), size);
    decoder.rest = decoder.rest.subspan(size);
  }

  [[noreturn]] static void onError(png_structp png, png_const_charp text) {
    auto &decoder = *static_cast<PngDecoder *>(png_get_error_ptr(png));
    std::strncpy(decoder.message, text, sizeof(decoder.message) - 1);
    png_longjmp(png, 1);
  }

  // Warnings are of things that do no harm, such as a wrong colour profile.
  static void onWarning(png_structp, png_const_charp) {}

  std::span<const std::byte> rest;
  png_structp png = nullptr;
  png_infop info = nullptr;
  char message[128] = "";
};

// RGBA becomes RGB in place: the part of white is what the alpha leaves, rounded.
void layOverWhite(std::vector<uint8_t> &pixels) {
  uint8_t *out = pixels.data();
  for (size_t at = 0; at < pixels.size(); at += 4) {
    unsigned alpha = pixels[at + 3];
    for (size_t c = 0; c < 3; ++c)
      *out++ = static_cast<uint8_t>((pixels[at + c] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  pixels.resize(pixels.size() / 4 * 3);
}

} // namespace

Result<Picture> decodePng(std::span<const std::byte> file) {
  PngDecoder decoder(file);
  if (!decoder.ready())
    return fail("no memory for a PNG decoder", ErrorKind::Machine);
  if (!decoder.readHeader())
    return brokenPicture("PNG", decoder.error());
  Picture picture{decoder.height(), decoder.width(), {}, {}};
  if (auto checked = checkPictureSize(picture.height, picture.width); !checked)
    return forward(checked);
  int64_t rowBytes = picture.width * decoder.channels();
  picture.pixels.resize(picture.height * rowBytes);
  std::vector<png_bytep> rows(picture.height);
  for (int64_t y = 0; y < picture.height; ++y)
    rows[y] = &picture.pixels[y * rowBytes];
  if (!decoder.readRows(rows.data()))
    return brokenPicture("PNG", decoder.error());
  if (decoder.channels() == 4)
    layOverWhite(picture.pixels);
  return picture;
}

} // namespace stc::runtime

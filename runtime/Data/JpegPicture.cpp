//===- JpegPicture.cpp - decoding JPEG by libjpeg ---------------------------------------------===//
//
// The library goes on after any damage and only warns. Warnings that leave the pixels as they were
// meant are handed on; those that say that pixels are missing or wrong are errors.
//
//===----------------------------------------------------------------------===//
#include "runtime/Data/Picture.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <jerror.h>
#include <jpeglib.h>
#include <string>

namespace stc::runtime {

namespace {

// Endless scans of a progressive file are how a small one takes minutes.
constexpr int maxScans = 500;

// Whether the picture is whole all the same: a wrong number in a scan's header that says nothing
// (phones write it), bytes behind the data, a mark that nobody knows.
bool isHarmless(int warning) {
  return warning == JWRN_NOT_SEQUENTIAL || warning == JWRN_EXTRANEOUS_DATA ||
         warning == JWRN_ADOBE_XFORM || warning == JWRN_BOGUS_PROGRESSION ||
         warning == JWRN_BOGUS_ICC;
}

/// libjpeg leaves a function by longjmp where a file is broken, so that no function that calls it
/// has anything to destroy.
class JpegDecoder {
public:
  JpegDecoder() {
    decoder.err = jpeg_std_error(&errors);
    decoder.client_data = this;
    errors.error_exit = onError;
    errors.emit_message = onMessage;
    progress.progress_monitor = onProgress;
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&decoder); }
  JpegDecoder(const JpegDecoder &) = delete;
  JpegDecoder &operator=(const JpegDecoder &) = delete;

  const char *error() const { return message; }
  const char *warning() const { return warned; }
  int64_t height() const { return decoder.image_height; }
  int64_t width() const { return decoder.image_width; }
  bool isCmyk() const {
    return decoder.jpeg_color_space == JCS_CMYK || decoder.jpeg_color_space == JCS_YCCK;
  }

  bool readHeader(std::span<const std::byte> file) {
    if (setjmp(jump))
      return false;
    jpeg_create_decompress(&decoder);
    decoder.progress = &progress;
    jpeg_mem_src(&decoder, reinterpret_cast<const unsigned char *>(file.data()), file.size());
    jpeg_read_header(&decoder, TRUE);
    return true;
  }

  /// Fills width * height * 3 bytes with RGB.
  bool readPixels(uint8_t *pixels) {
    if (setjmp(jump))
      return false;
    decoder.out_color_space = JCS_RGB;
    jpeg_start_decompress(&decoder);
    while (decoder.output_scanline < decoder.output_height) {
      JSAMPROW row = pixels + size_t(decoder.output_scanline) * decoder.output_width * 3;
      jpeg_read_scanlines(&decoder, &row, 1);
    }
    jpeg_finish_decompress(&decoder);
    return true;
  }

private:
  static JpegDecoder &of(j_common_ptr common) {
    return *static_cast<JpegDecoder *>(common->client_data);
  }

  [[noreturn]] static void onError(j_common_ptr common) {
    JpegDecoder &self = of(common);
    self.errors.format_message(common, self.message);
    std::longjmp(self.jump, 1);
  }

  // Levels from 0 on are for tracing.
  static void onMessage(j_common_ptr common, int level) {
    JpegDecoder &self = of(common);
    if (level >= 0)
      return;
    if (!isHarmless(self.errors.msg_code))
      onError(common);
    if (self.warned[0] == 0)
      self.errors.format_message(common, self.warned);
  }

  static void onProgress(j_common_ptr common) {
    JpegDecoder &self = of(common);
    if (self.decoder.input_scan_number <= maxScans)
      return;
    std::snprintf(self.message, sizeof(self.message), "more than %d scans", maxScans);
    std::longjmp(self.jump, 1);
  }

  jpeg_decompress_struct decoder = {};
  jpeg_error_mgr errors = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "", warned[JMSG_LENGTH_MAX] = "";
};

} // namespace

Result<Picture> decodeJpeg(std::span<const std::byte> file) {
  JpegDecoder decoder;
  if (!decoder.readHeader(file))
    return brokenPicture("JPEG", decoder.error());
  if (decoder.isCmyk())
    return fail("expected a gray or RGB JPEG, found CMYK");
  Picture picture{decoder.height(), decoder.width(), {}, {}};
  if (auto checked = checkPictureSize(picture.height, picture.width); !checked)
    return forward(checked);
  picture.pixels.resize(picture.height * picture.width * 3);
  if (!decoder.readPixels(picture.pixels.data()))
    return brokenPicture("JPEG", decoder.error());
  picture.warning = lowerFirst(decoder.warning());
  return picture;
}

} // namespace stc::runtime

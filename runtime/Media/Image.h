//===- Image.h - pictures, sheets of them, and .png files ------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

/// Bytes by row, column and channel: 1 channel is grey, 3 are red, green and blue (sRGB).
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;

  /// All of one value.
  static Image filled(int64_t height, int64_t width, int64_t channels, uint8_t value);
};

/// Images of one size as a grid, row by row, with thin lines between and around them. What the last
/// row lacks stays blank.
Image makeSheet(std::span<const Image> images, int64_t columns);

/// The columns that make a sheet of `count` images about as wide as it is high.
int64_t squareColumns(int64_t count, const Image &image);

/// Writes a .png file (ISO/IEC 15948) of 8 bits a channel, whole or not at all. Error also on other
/// numbers of channels than 1 and 3.
Result<void> writePng(const std::string &path, const Image &image);

} // namespace stc::runtime

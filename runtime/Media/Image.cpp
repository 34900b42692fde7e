//===- Image.cpp - sheets of pictures --------------------------------------------------===//
#include "runtime/Media/Image.h"

#include <algorithm>
#include <cmath>

namespace stc::runtime {

// Pixels between images, and the grey of the lines and of what is blank.
static constexpr int64_t border = 2;
static constexpr uint8_t borderGrey = 128;

Image Image::filled(int64_t height, int64_t width, int64_t channels, uint8_t value) {
  return {height, width, channels, std::vector<uint8_t>(height * width * channels, value)};
}

Image makeSheet(std::span<const Image> images, int64_t columns) {
  if (images.empty())
    return {};
  auto [height, width, channels, pixels] = images[0];
  int64_t count = static_cast<int64_t>(images.size()), rows = (count + columns - 1) / columns;
  Image sheet = Image::filled(rows * (height + border) + border,
                              columns * (width + border) + border, channels, borderGrey);
  for (int64_t i = 0; i < count; ++i) {
    int64_t top = i / columns * (height + border) + border;
    int64_t left = i % columns * (width + border) + border;
    for (int64_t row = 0; row < height; ++row)
      std::copy_n(images[i].pixels.begin() + row * width * channels, width * channels,
                  sheet.pixels.begin() + ((top + row) * sheet.width + left) * channels);
  }
  return sheet;
}

int64_t squareColumns(int64_t count, const Image &image) {
  double cell = static_cast<double>(image.height) / static_cast<double>(image.width);
  int64_t columns = std::llround(std::ceil(std::sqrt(static_cast<double>(count) * cell)));
  return std::clamp<int64_t>(columns, 1, count);
}

} // namespace stc::runtime

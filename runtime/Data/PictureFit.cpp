//===- PictureFit.cpp - bringing a picture to a shape ----------------------------------------===//
#include "runtime/Data/Picture.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace stc::runtime {

namespace {

/// A rectangle of a picture.
struct Window {
  int64_t top, left, height, width;
};

// The input places that an output place averages, and how much of each of them.
struct Average {
  int64_t first;
  std::vector<float> weights;
};

// `size` places of the input, evenly shared out to `count` of the output.
std::vector<Average> averages(int64_t size, int64_t count) {
  std::vector<Average> all(count);
  double ratio = static_cast<double>(size) / static_cast<double>(count);
  for (int64_t i = 0; i < count; ++i) {
    double from = static_cast<double>(i) * ratio, to = static_cast<double>(i + 1) * ratio;
    auto first = static_cast<int64_t>(from);
    int64_t end = std::min(static_cast<int64_t>(std::ceil(to)), size);
    all[i].first = first;
    for (int64_t at = first; at < end; ++at)
      all[i].weights.push_back(static_cast<float>(
          (std::min(to, static_cast<double>(at + 1)) - std::max(from, static_cast<double>(at))) /
          ratio));
  }
  return all;
}

Picture scale(const Picture &picture, const Window &window, int64_t height, int64_t width) {
  Picture result{height, width, std::vector<uint8_t>(height * width * 3)};
  std::vector<Average> rows = averages(window.height, height),
                       columns = averages(window.width, width);
  std::vector<float> sums(window.width * 3);
  uint8_t *out = result.pixels.data();
  for (const Average &row : rows) {
    std::ranges::fill(sums, 0.0f);
    for (size_t i = 0; i < row.weights.size(); ++i) {
      const uint8_t *in =
          &picture.pixels[((window.top + row.first + i) * picture.width + window.left) * 3];
      for (size_t x = 0; x < sums.size(); ++x)
        sums[x] += row.weights[i] * static_cast<float>(in[x]);
    }
    for (const Average &column : columns)
      for (int64_t c = 0; c < 3; ++c) {
        float sum = 0;
        for (size_t i = 0; i < column.weights.size(); ++i)
          sum += column.weights[i] * sums[(column.first + i) * 3 + c];
        *out++ = static_cast<uint8_t>(std::clamp(sum + 0.5f, 0.0f, 255.0f));
      }
  }
  return result;
}

// The largest middle part with the proportions of height x width.
Window middle(const Picture &picture, int64_t height, int64_t width) {
  Window window{0, 0, picture.height, picture.width};
  if (picture.width * height > picture.height * width)
    window.width = picture.height * width / height;
  else
    window.height = picture.width * height / width;
  window.top = (picture.height - window.height) / 2;
  window.left = (picture.width - window.width) / 2;
  return window;
}

void append(std::vector<uint8_t> &records, const Picture &picture, const Window &window,
            int64_t channels) {
  for (int64_t y = 0; y < window.height; ++y) {
    const uint8_t *row = &picture.pixels[((window.top + y) * picture.width + window.left) * 3];
    if (channels == 3) {
      records.insert(records.end(), row, row + window.width * 3);
      continue;
    }
    for (int64_t x = 0; x < window.width; ++x, row += 3)
      records.push_back((299 * row[0] + 587 * row[1] + 114 * row[2] + 500) / 1000);
  }
}

} // namespace

Result<std::vector<uint8_t>> fitPicture(const Picture &picture, const PictureShape &shape,
                                        const PictureFit &fit) {
  int64_t reduce = fit.kind == PictureFit::Cut ? fit.reduce : 1;
  int64_t height = picture.height / reduce, width = picture.width / reduce;
  if (height < shape.height || width < shape.width)
    return fail(fmt::format("expected a picture of at least {} x {} pixels, found {} x {}",
                            shape.height * reduce, shape.width * reduce, picture.height,
                            picture.width));
  std::vector<uint8_t> records;
  if (fit.kind == PictureFit::Scale) {
    Picture scaled =
        scale(picture, middle(picture, shape.height, shape.width), shape.height, shape.width);
    append(records, scaled, {0, 0, shape.height, shape.width}, shape.channels);
    return records;
  }
  Picture reduced;
  if (reduce > 1)
    reduced = scale(picture, {0, 0, height * reduce, width * reduce}, height, width);
  const Picture &source = reduce > 1 ? reduced : picture;
  int64_t rows = height / shape.height, columns = width / shape.width;
  records.reserve(rows * columns * shape.bytes());
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t x = 0; x < columns; ++x)
      append(records, source,
             {(height - rows * shape.height) / 2 + y * shape.height,
              (width - columns * shape.width) / 2 + x * shape.width, shape.height, shape.width},
             shape.channels);
  return records;
}

} // namespace stc::runtime

//===- MediaTest.cpp - pictures and sounds, read back
//------------------------------------------===//
#include "runtime/Media/Image.h"
#include "runtime/Media/Sound.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;

Image readPng(const std::string &path) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_file(&png, path.c_str())) << png.message;
  int64_t channels = PNG_IMAGE_SAMPLE_CHANNELS(png.format);
  Image image = Image::filled(png.height, png.width, channels, 0);
  EXPECT_TRUE(png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr)) << png.message;
  return image;
}

// Different bytes everywhere.
Image numbered(int64_t height, int64_t width, int64_t channels, uint8_t first) {
  Image image = Image::filled(height, width, channels, 0);
  for (size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<uint8_t>(first + 7 * i);
  return image;
}

TEST(Png, ReadsBack) {
  for (int64_t channels : {1, 3}) {
    Image image = numbered(5, 3, channels, 9);
    std::string path = temporaryPath("image.png");
    ASSERT_TRUE(writePng(path, image));
    Image back = readPng(path);
    EXPECT_EQ(back.height, 5);
    EXPECT_EQ(back.width, 3);
    EXPECT_EQ(back.channels, channels);
    EXPECT_EQ(back.pixels, image.pixels);
  }
}

TEST(Png, SaysWhatDoesNotFit) {
  std::string path = temporaryPath("none.png");
  EXPECT_THAT(writePng(path, numbered(2, 2, 2, 0)).error().message,
              HasSubstr("expected an image of 1 or 3 channels, found 2"));
  EXPECT_THAT(writePng(path, Image{}).error().message, HasSubstr("1 or 3 channels, found 0"));
  EXPECT_THAT(writePng(path, Image::filled(0, 3, 1, 0)).error().message, HasSubstr("found 0 x 3"));
  EXPECT_FALSE(std::filesystem::exists(path));
  auto written = writePng(temporaryPath("no/folder.png"), numbered(2, 2, 1, 0));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::Io);
}

TEST(Sheet, HasItsImagesInOrder) {
  std::vector<Image> images;
  for (int i = 0; i < 5; ++i)
    images.push_back(numbered(3, 4, 3, 50 * i));
  Image sheet = makeSheet(images, 2);
  int64_t lines = 3, columns = 2, border = (sheet.width - columns * 4) / (columns + 1);
  EXPECT_EQ(sheet.width, columns * 4 + (columns + 1) * border);
  EXPECT_EQ(sheet.height, lines * 3 + (lines + 1) * border);
  auto at = [&](int64_t row, int64_t column) {
    return &sheet.pixels[(row * sheet.width + column) * 3];
  };
  for (int64_t i = 0; i < 6; ++i)
    for (int64_t row = 0; row < 3; ++row) {
      const uint8_t *pixels =
          at(border + i / 2 * (3 + border) + row, border + i % 2 * (4 + border));
      if (i < 5)
        EXPECT_EQ(std::memcmp(pixels, &images[i].pixels[row * 12], 12), 0) << i;
      else
        EXPECT_TRUE(std::all_of(pixels, pixels + 12, [&](uint8_t c) { return c == *at(0, 0); }));
    }
  EXPECT_EQ(squareColumns(1, images[0]), 1);
  EXPECT_EQ(squareColumns(16, numbered(8, 8, 1, 0)), 4);
  EXPECT_EQ(squareColumns(4, numbered(16, 4, 1, 0)), 4);
}

TEST(Wav, IsTheFormat) {
  std::string path = temporaryPath("sound.wav");
  const uint8_t bytes[] = {0, 127, 128, 255, 64};
  ASSERT_TRUE(writeWav(path, bytes, 12000));
  std::string file = readFile(path);
  // 12000 = 0x2ee0 samples a second of two bytes.
  std::string header("RIFF\x2e\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\xe0\x2e\0\0\xc0\x5d\0\0\2\0\x10\0"
                     "data\x0a\0\0\0",
                     44);
  ASSERT_EQ(file.size(), 54u);
  EXPECT_EQ(file.substr(0, 44), header);
  int16_t samples[5];
  std::memcpy(samples, file.data() + 44, sizeof(samples));
  EXPECT_EQ(samples[0], -32767);
  EXPECT_EQ(samples[3], 32767);
  EXPECT_EQ(samples[1], -samples[2]);
  // 1 / 255 of full scale, companded, is not far from silence: ((256^(1/255)) - 1) / 255.
  EXPECT_EQ(samples[2], std::lround(32767 * (std::pow(256, 1.0 / 255) - 1) / 255));
  EXPECT_EQ(samples[4], -std::lround(32767 * (std::pow(256, 127.0 / 255) - 1) / 255));
  EXPECT_THAT(writeWav(path, bytes, 0).error().message, HasSubstr("found 5 at 0"));
}

} // namespace
} // namespace stc::runtime::test

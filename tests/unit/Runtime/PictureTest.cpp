//===- PictureTest.cpp - decoding pictures, and bringing them to a shape
//------------------------===//
#include "runtime/Data/PictureSource.h"
#include "runtime/Data/Zip.h"
#include "tests/unit/Runtime/DataFiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <zlib.h>

namespace stc::runtime::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<uint8_t> counting(size_t size) {
  std::vector<uint8_t> all(size);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::string errorOf(const std::string &file) {
  auto picture = decodePicture(bytesOf(file));
  return picture ? "" : picture.error().message;
}

TEST(Picture, DecodesPng) {
  std::vector<uint8_t> pixels = counting(4 * 5 * 3);
  auto picture = decodePicture(bytesOf(writePng(4, 5, 3, pixels)));
  ASSERT_TRUE(picture) << picture.error().message;
  EXPECT_EQ(picture->height, 4);
  EXPECT_EQ(picture->width, 5);
  EXPECT_EQ(picture->pixels, pixels);

  picture = decodePicture(bytesOf(writePng(1, 2, 1, std::vector<uint8_t>{7, 200})));
  ASSERT_TRUE(picture) << picture.error().message;
  EXPECT_THAT(picture->pixels, ElementsAre(7, 7, 7, 200, 200, 200));
}

TEST(Picture, LaysTransparencyOverWhite) {
  auto picture = decodePicture(bytesOf(
      writePng(1, 3, 4, std::vector<uint8_t>{10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 128})));
  ASSERT_TRUE(picture) << picture.error().message;
  std::vector<uint8_t> &pixels = picture->pixels;
  EXPECT_THAT(std::vector(pixels.begin(), pixels.begin() + 6),
              ElementsAre(10, 20, 30, 255, 255, 255));
  EXPECT_GT(pixels[6], 100);
  EXPECT_LT(pixels[6], 200);
  picture = decodePicture(bytesOf(writePng(1, 2, 2, std::vector<uint8_t>{9, 255, 9, 0})));
  ASSERT_TRUE(picture) << picture.error().message;
  EXPECT_THAT(picture->pixels, ElementsAre(9, 9, 9, 255, 255, 255));
}

TEST(Picture, DecodesJpeg) {
  std::vector<uint8_t> pixels;
  for (int i = 0; i < 16 * 24; ++i)
    pixels.insert(pixels.end(), {200, 40, 90});
  auto picture = decodePicture(bytesOf(writeJpeg(16, 24, 3, pixels)));
  ASSERT_TRUE(picture) << picture.error().message;
  EXPECT_EQ(picture->height, 16);
  EXPECT_EQ(picture->width, 24);
  for (size_t i = 0; i < pixels.size(); ++i)
    ASSERT_NEAR(picture->pixels[i], pixels[i], 2);
  picture = decodePicture(bytesOf(writeJpeg(8, 8, 1, std::vector<uint8_t>(64, 77))));
  ASSERT_TRUE(picture) << picture.error().message;
  EXPECT_EQ(picture->pixels, std::vector<uint8_t>(64 * 3, 77));
}

TEST(Picture, RefusesWhatIsNone) {
  EXPECT_THAT(errorOf("GIF89a"), HasSubstr("expected a PNG or JPEG picture, found a GIF picture"));
  EXPECT_THAT(errorOf(""), HasSubstr("expected a PNG or JPEG"));
  // A header of 60000 x 60000 pixels and nothing behind it.
  std::string huge = writePng(1, 1, 3, counting(3));
  const char size[] = "\0\0\xea\x60\0\0\xea\x60";
  huge.replace(16, 8, size, 8);
  uint32_t sum = __builtin_bswap32(crc32(0, reinterpret_cast<const Bytef *>(&huge[12]), 17));
  huge.replace(29, 4, reinterpret_cast<char *>(&sum), 4);
  EXPECT_THAT(errorOf(huge), HasSubstr("expected at most 268435456 pixels, found 60000 x 60000"));
}

// What is cut short is an error; no damage crashes, or gives other than a whole picture.
TEST(Picture, DamageNeverCrashes) {
  std::vector<uint8_t> pixels = counting(16 * 16 * 3);
  for (const std::string &good : {writePng(16, 16, 3, pixels), writeJpeg(16, 16, 3, pixels)}) {
    for (size_t size = 0; size + 12 < good.size(); size += 7)
      EXPECT_NE(errorOf(good.substr(0, size)), "") << "cut to " << size;
    for (size_t i = 0; i < good.size(); i += 3) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << i % 8));
      if (auto picture = decodePicture(bytesOf(bad)))
        EXPECT_EQ(static_cast<int64_t>(picture->pixels.size()),
                  picture->height * picture->width * 3);
    }
  }
}

Picture gray(int64_t height, int64_t width, const std::vector<uint8_t> &values) {
  Picture picture{height, width, {}};
  for (uint8_t value : values)
    picture.pixels.insert(picture.pixels.end(), 3, value);
  return picture;
}

std::vector<uint8_t> fit(const Picture &picture, PictureShape shape, PictureFit how = {}) {
  auto records = fitPicture(picture, shape, how);
  EXPECT_TRUE(records) << records.error().message;
  return records.value_or(std::vector<uint8_t>());
}

TEST(PictureFit, ScalesTheMiddleByAreaAveraging) {
  EXPECT_THAT(fit(gray(2, 4, {0, 10, 20, 90, 0, 30, 40, 90}), {1, 1, 1}), ElementsAre(25));
  EXPECT_THAT(fit(gray(4, 2, {0, 0, 10, 20, 30, 40, 0, 0}), {1, 1, 1}), ElementsAre(25));
  // Three columns into two: half of the middle one belongs to each.
  EXPECT_THAT(fit(gray(3, 3, {30, 60, 90, 30, 60, 90, 30, 60, 90}), {2, 2, 1}),
              ElementsAre(40, 80, 40, 80));
  Picture same{2, 2, counting(12)};
  EXPECT_EQ(fit(same, {2, 2, 3}), counting(12));
}

TEST(PictureFit, MakesGrayByLuma) {
  EXPECT_THAT(fit(Picture{1, 3, {255, 0, 0, 0, 255, 0, 0, 0, 255}}, {1, 3, 1}),
              ElementsAre(76, 150, 29));
}

TEST(PictureFit, CutsTilesFromTheMiddle) {
  // 2 x 5 in tiles of 2 x 2: the fifth column is too much.
  Picture picture = gray(2, 5, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_THAT(fit(picture, {2, 2, 1}, {PictureFit::Cut, 1}), ElementsAre(0, 1, 5, 6, 2, 3, 7, 8));
  EXPECT_THAT(
      fit(gray(3, 4, {0, 2, 4, 6, 2, 4, 6, 8, 9, 9, 9, 9}), {1, 1, 1}, {PictureFit::Cut, 2}),
      ElementsAre(2, 6));
}

TEST(PictureFit, ScalesNothingUp) {
  auto small = fitPicture(gray(2, 3, counting(6)), {2, 4, 1}, {});
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().message, "expected a picture of at least 2 x 4 pixels, found 2 x 3");
  EXPECT_FALSE(fitPicture(gray(3, 3, counting(9)), {2, 2, 1}, {PictureFit::Cut, 2}));
}

std::string cifar(int records, int label = 3) {
  std::string file;
  for (int r = 0; r < records; ++r) {
    file += static_cast<char>(label);
    for (int c = 0; c < 3; ++c)
      for (int i = 0; i < 1024; ++i)
        file += static_cast<char>(r * 50 + c * 10 + i % 7);
  }
  return file;
}

TEST(PictureSource, ReadsCifar) {
  std::string file = cifar(3);
  EXPECT_EQ(pictureFormat(bytesOf(file)), PictureFormat::Cifar);
  auto source = PictureSource::open(bytesOf(file));
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ((*source)->count(), 3);
  for (int r = 0; r < 3; ++r) {
    auto picture = (*source)->next();
    ASSERT_TRUE(picture);
    EXPECT_EQ(picture->height, 32);
    for (int i = 0; i < 1024; ++i)
      for (int c = 0; c < 3; ++c)
        ASSERT_EQ(picture->pixels[i * 3 + c], r * 50 + c * 10 + i % 7);
  }
  for (const std::string &other : {cifar(2, 10), file + "x", file.substr(1), std::string()})
    EXPECT_EQ(pictureFormat(bytesOf(other)), PictureFormat::None);
}

std::string npz(bool deflated, bool zip64, const std::string &shape = "(2, 48)",
                size_t bytes = 96) {
  std::string data = npyStart(shape);
  for (size_t i = 0; i < bytes; ++i)
    data += static_cast<char>(i);
  return writeZip({{"labels.npy", "something else", deflated, zip64},
                   {"data.npy", data, deflated, zip64},
                   {"mean.npy", "more", deflated, zip64}});
}

TEST(PictureSource, ReadsNpz) {
  for (bool deflated : {false, true})
    for (bool zip64 : {false, true}) {
      std::string file = npz(deflated, zip64);
      auto source = PictureSource::open(bytesOf(file));
      ASSERT_TRUE(source) << source.error().message;
      EXPECT_EQ(pictureFormat(bytesOf(file)), PictureFormat::Npz);
      ASSERT_EQ((*source)->count(), 2);
      for (int r = 0; r < 2; ++r) {
        auto picture = (*source)->next();
        ASSERT_TRUE(picture) << picture.error().message;
        EXPECT_EQ(picture->height, 4);
        for (int i = 0; i < 16; ++i)
          for (int c = 0; c < 3; ++c)
            ASSERT_EQ(picture->pixels[i * 3 + c], r * 48 + c * 16 + i);
      }
    }
}

TEST(PictureSource, SaysWhatNpzDoesNotFit) {
  auto errorOf = [](const std::string &file) {
    auto source = PictureSource::open(bytesOf(file));
    return source ? "" : source.error().message;
  };
  EXPECT_THAT(errorOf(npz(true, false, "(2, 47)", 94)),
              HasSubstr("expected u8[pictures, 3 * side * side], found u8[2, 47]"));
  EXPECT_THAT(errorOf(npz(true, false, "(96,)")), HasSubstr("found u8[96]"));
  EXPECT_THAT(errorOf(npz(true, false, "(3, 48)")), HasSubstr("expected 144 bytes of u8[3, 48]"));
  EXPECT_THAT(errorOf(npz(true, false, "(0, 9223372036854775807)", 0)), HasSubstr("expected"));
  EXPECT_THAT(errorOf(writeZip({{"data.npy", "hello, world!"}})),
              HasSubstr("expected a .npy file"));
  EXPECT_EQ(pictureFormat(bytesOf(writeZip({{"word.xml", "<x/>"}}))), PictureFormat::None);
}

// Each damage is an error somewhere, or hits what is not read.
TEST(PictureSource, DamageNeverCrashes) {
  for (bool zip64 : {false, true}) {
    std::string good = npz(true, zip64);
    auto readAll = [](const std::string &file) {
      auto source = PictureSource::open(bytesOf(file));
      if (!source)
        return false;
      for (int64_t i = 0; i < (*source)->count(); ++i)
        if (!(*source)->next())
          return false;
      return true;
    };
    ASSERT_TRUE(readAll(good));
    for (size_t i = 0; i < good.size(); ++i) {
      EXPECT_FALSE(readAll(good.substr(0, i))) << "cut to " << i;
      for (int bit = 0; bit < 8; ++bit) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
        readAll(bad);
      }
    }
    // Bytes of the data itself are under a checksum.
    std::string bad = npz(false, zip64);
    bad[bad.find("NUMPY") + 90] ^= 1;
    EXPECT_FALSE(readAll(bad));
  }
}

} // namespace
} // namespace stc::runtime::test

//===- PictureFormatsTest.cpp - PNG and JPEG as other programs write them --------------------===//
//
// Right values are Pillow's (Image.convert, and Image.alpha_composite over white), but where it
// differs from the format: gray of 16 bits is clamped there, and the transparent value of gray of
// 4 bits is compared with the scaled one.
//
//===----------------------------------------------------------------------===//
#include "runtime/Data/Picture.h"
#include "tests/unit/Runtime/DataFiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<uint8_t> decode(const std::string &file) {
  auto picture = decodePicture(bytesOf(file));
  EXPECT_TRUE(picture) << picture.error().message;
  return picture ? picture->pixels : std::vector<uint8_t>();
}

std::string warningOf(const std::string &file) {
  auto picture = decodePicture(bytesOf(file));
  return picture ? picture->warning : "error: " + picture.error().message;
}

std::string errorOf(const std::string &file) {
  auto picture = decodePicture(bytesOf(file));
  return picture ? "" : picture.error().message;
}

enum ColorType { Gray = 0, Rgb = 2, Palette = 3, GrayAlpha = 4, RgbAlpha = 6 };

// A row of 64 values from 0 to 252, `bytes` each.
std::string ramp(int bytes) {
  std::string row(1, '\0');
  for (int i = 0; i < 64; ++i)
    row += std::string(bytes, static_cast<char>(4 * i));
  return row;
}

std::vector<uint8_t> rampPixels() {
  std::vector<uint8_t> pixels;
  for (int i = 0; i < 64; ++i)
    pixels.insert(pixels.end(), 3, 4 * i);
  return pixels;
}

const std::string linearGamma = pngChunk("gAMA", {0, 1, '\x86', '\xa0'}); // 100,000: 1.0

TEST(Png, TakesTheUpperByteOf16Bits) {
  EXPECT_EQ(decode(assemblePng(1, 64, 16, Gray, ramp(2))), rampPixels());
  EXPECT_EQ(decode(assemblePng(1, 64, 16, Rgb, ramp(6))), rampPixels());
  EXPECT_EQ(decode(assemblePng(1, 64, 16, Gray, ramp(2), linearGamma)), rampPixels());
  EXPECT_THAT(decode(assemblePng(1, 1, 16, Gray, {0, 100, '\xff'})), Each(100));
  EXPECT_THAT(decode(assemblePng(1, 1, 16, GrayAlpha, {0, 40, '\xff', '\x80', 0})),
              Each((40 * 128 + 255 * 127 + 127) / 255));
}

TEST(Png, TakesValuesAsTheyAreWhateverGammaSays) {
  EXPECT_EQ(decode(assemblePng(1, 64, 8, Gray, ramp(1), linearGamma)), rampPixels());
  EXPECT_EQ(decode(assemblePng(1, 64, 8, Rgb, ramp(3), linearGamma)), rampPixels());
}

// Pillow's values of all 65,536 pairs of value and alpha are these.
TEST(Png, LaysAlphaOverWhiteAsValues) {
  for (int alpha = 0; alpha < 256; ++alpha) {
    std::string row(1, '\0');
    for (int value = 0; value < 256; ++value)
      row += {static_cast<char>(value), static_cast<char>(alpha)};
    std::vector<uint8_t> pixels = decode(assemblePng(1, 256, 8, GrayAlpha, row, linearGamma));
    for (int value = 0; value < 256; ++value)
      ASSERT_NEAR(pixels[value * 3], (value * alpha + 255.0 * (255 - alpha)) / 255, 0.5)
          << value << " of alpha " << alpha;
  }
  EXPECT_THAT(decode(assemblePng(1, 1, 8, RgbAlpha, {0, 0, 0, 0, '\x80'})), Each(127));
}

TEST(Png, ReadsPalettesAndFewBits) {
  std::string palette = pngChunk("PLTE", {10, 20, 30, 40, 50, 60, 70, 80, 90});
  std::string clear = pngChunk("tRNS", std::string("\0\x80", 2));
  std::string row = {0, 0x18}; // 0, 1, 2, 0 of two bits
  EXPECT_THAT(decode(assemblePng(1, 4, 2, Palette, row, palette)),
              ElementsAre(10, 20, 30, 40, 50, 60, 70, 80, 90, 10, 20, 30));
  for (const std::string &gamma : {std::string(), linearGamma})
    EXPECT_THAT(decode(assemblePng(1, 4, 2, Palette, row, gamma + palette + clear)),
                ElementsAre(255, 255, 255, 147, 152, 157, 70, 80, 90, 255, 255, 255));
  EXPECT_THAT(decode(assemblePng(1, 3, 1, Gray, {0, '\xa0'})),
              ElementsAre(255, 255, 255, 0, 0, 0, 255, 255, 255));
  EXPECT_THAT(decode(assemblePng(1, 2, 4, Gray, {0, 0x3f}, pngChunk("tRNS", {0, 3}))), Each(255));
  EXPECT_THAT(decode(assemblePng(1, 2, 8, Rgb, {0, 5, 5, 5, 5, 5, 6},
                                 pngChunk("tRNS", {0, 5, 0, 5, 0, 5}))),
              ElementsAre(255, 255, 255, 5, 5, 6));
}

// Written by a few lines of Python after the format's text, and read by Pillow: 7 x 9, gray of 4
// bits, (3x + 5y) mod 16.
TEST(Png, ReadsInterlaced) {
  std::vector<uint8_t> pixels = decode(fromHex(
      "89504e470d0a1a0a0000000d49484452000000090000000704000000014d07e52b000000384944415478da63e0"
      "6038c0e0708021896119c3821c0586270b12182cbf325c9ecf506bc9207e9921629f48d505864f40aa80610e90"
      "1200008db811d51b20fbfa0000000049454e44ae426082"));
  ASSERT_EQ(pixels.size(), 7u * 9 * 3);
  for (int y = 0; y < 7; ++y)
    for (int x = 0; x < 9; ++x)
      EXPECT_EQ(pixels[(y * 9 + x) * 3], (3 * x + 5 * y) % 16 * 17);
}

TEST(Png, SaysWhatIsBroken) {
  std::string file = assemblePng(1, 64, 16, Gray, ramp(2));
  EXPECT_THAT(errorOf(file.substr(0, 60)), HasSubstr("broken PNG: it is cut short"));
  file[45] ^= 1;
  EXPECT_THAT(errorOf(file), HasSubstr("broken PNG: "));
}

std::string flatJpeg(int horizontal, int vertical) {
  std::vector<uint8_t> pixels;
  for (int i = 0; i < 64 * 64; ++i)
    pixels.insert(pixels.end(), {229, 90, 61});
  return writeJpeg(64, 64, 3, pixels, horizontal, vertical);
}

// Factors for which TurboJPEG has no name.
TEST(Jpeg, ReadsAnySamplingFactors) {
  for (auto [horizontal, vertical] :
       {std::pair(1, 1), {2, 1}, {2, 2}, {4, 1}, {4, 2}, {1, 4}, {3, 1}, {1, 3}, {2, 4}}) {
    SCOPED_TRACE(testing::Message() << horizontal << "x" << vertical);
    std::vector<uint8_t> pixels = decode(flatJpeg(horizontal, vertical));
    ASSERT_EQ(pixels.size(), 64u * 64 * 3);
    for (size_t i = 0; i < pixels.size(); i += 3) {
      ASSERT_NEAR(pixels[i], 229, 1);
      ASSERT_NEAR(pixels[i + 1], 90, 1);
      ASSERT_NEAR(pixels[i + 2], 61, 1);
    }
  }
  // 4:1:0, put together from the format's text; Pillow's values.
  std::vector<uint8_t> pixels = decode(fromHex(
      "ffd8ffdb00430001010101010101010101010101010101010101010101010101010101010101010101010101010"
      "10101010101010101010101010101010101010101010101010101ffc0001108004000400301420002110003110"
      "0ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400141001000000000000"
      "00000000000000000000ffda000c03010002000300003f00000000fccf7f480000000000000000000000000000"
      "00000000000000000000000003ffd9"));
  ASSERT_EQ(pixels.size(), 64u * 64 * 3);
  for (size_t i = 0; i < pixels.size(); i += 3)
    ASSERT_THAT(std::vector(&pixels[i], &pixels[i] + 3), ElementsAre(229, 90, 61));
}

TEST(Jpeg, TakesWhatIsOddButWhole) {
  std::vector<uint8_t> gradient;
  for (int i = 0; i < 8 * 8 * 3; ++i)
    gradient.push_back(i);
  std::string photo = writeJpeg(8, 8, 3, gradient);
  std::vector<uint8_t> pixels = decode(photo);
  EXPECT_EQ(warningOf(photo), "");
  // Samsung's telephones write that the scan ends with coefficient 0, and not 63.
  std::string samsung = photo;
  size_t scan = photo.find("\xff\xda");
  samsung[scan + 12] = 0;
  EXPECT_EQ(decode(samsung), pixels);
  EXPECT_EQ(warningOf(samsung), "invalid SOS parameters for sequential JPEG");
  std::string zeros = photo;
  zeros.insert(photo.size() - 2, std::string(10, '\0'));
  EXPECT_EQ(decode(zeros), pixels);
  EXPECT_THAT(warningOf(zeros), HasSubstr("extraneous bytes before marker 0xd9"));
  EXPECT_EQ(decode(photo + "what a camera appends"), pixels);
}

TEST(Jpeg, LeavesNoCutPictureIn) {
  std::vector<uint8_t> noise;
  for (unsigned i = 0; i < 32 * 32 * 3; ++i)
    noise.push_back(i * 2654435761u >> 24);
  for (bool progressive : {false, true}) {
    std::string photo = writeJpeg(32, 32, 3, noise, 1, 1, progressive);
    ASSERT_EQ(errorOf(photo), "");
    std::string cut = photo.substr(0, photo.size() * 2 / 3);
    EXPECT_THAT(errorOf(cut), HasSubstr("broken JPEG: premature end of JPEG file"));
    EXPECT_THAT(errorOf(cut + "\xff\xd9"), HasSubstr("broken JPEG: corrupt JPEG data"));
  }
}

} // namespace
} // namespace stc::runtime::test

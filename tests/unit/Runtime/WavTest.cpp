//===- WavTest.cpp - WAV as pipes, recorders and other programs write it ---------------------===//
#include "tests/unit/Runtime/Sounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string chunk(const std::string &name, const std::string &data) {
  return name + little<uint32_t>(data.size()) + data + std::string(data.size() % 2, '\0');
}

struct Wav {
  uint16_t tag = 1, channels = 1, bits = 16, block = 2;
  std::string moreFormat = {};         // of the format chunk
  std::string before = {}, after = {}; // chunks around the data
  std::string start = "RIFF";
  std::optional<uint32_t> size = {}; // of the data, where it is not the right one

  std::string with(const std::string &data) const {
    std::string format = little(tag) + little(channels) + little(8000u) + little(8000u * block) +
                         little(block) + little(bits) + moreFormat;
    std::string body = "WAVE" + before + chunk("fmt ", format) + "data" +
                       little(size.value_or(data.size())) + data + after;
    return start + little<uint32_t>(body.size()) + body;
  }
};

// 0.25, -0.5, 0.75
const std::string three = little<int16_t>(8192) + little<int16_t>(-16384) + little<int16_t>(24576);

TEST(Wav, TakesAllThatFollowsWhereTheSizeWasNeverPutIn) {
  for (uint32_t size : {0u, 0x7ffff000u, 0x7fffffffu, 0x7fffffdbu, 0x80000000u, 0xffffffffu,
                        0xffffffdbu, 0xfffff000u}) {
    SCOPED_TRACE(size);
    std::string file = Wav{.size = size}.with(three);
    EXPECT_THAT(samplesOf(file), ElementsAre(0.25f, -0.5f, 0.75f));
    EXPECT_EQ(warningOf(file), "the size of its data was never put in; all that follows is taken");
    EXPECT_THAT(samplesOf(file + "x"), SizeIs(3)); // the pipe broke within a sample
  }
  // Silence at first.
  std::string silent = Wav{.size = 0}.with(std::string(100, '\0') + three);
  EXPECT_THAT(samplesOf(silent), SizeIs(53));
  // Nothing was recorded, or really nothing is there.
  EXPECT_THAT(samplesOf(Wav{.size = 0}.with("")), IsEmpty());
  EXPECT_THAT(samplesOf(Wav{.after = chunk("LIST", "INFO"), .size = 0}.with("")), IsEmpty());
}

TEST(Wav, SaysThatItIsCut) {
  for (uint32_t size : {8u, 1000u, 0x7fe00000u})
    EXPECT_THAT(errorOf(Wav{.size = size}.with(three)),
                HasSubstr("broken WAV: it is cut short, 6 bytes of"));
}

TEST(Wav, WarnsOfWhatFollowsTheData) {
  // A recorder that crashed after it had put in the size for the last time.
  EXPECT_EQ(warningOf(Wav{.size = 2}.with(three + three)),
            "10 bytes behind its data are no chunk and are left out");
  EXPECT_EQ(warningOf(Wav{.size = 3}.with(three)), "it ends within a sample");
  for (const std::string &after : {chunk("LIST", "INFO"), chunk("id3 ", "abc") + chunk("bext", ""),
                                   std::string(512, '\0'), std::string("x")}) {
    std::string file = Wav{.after = after}.with(three);
    EXPECT_EQ(warningOf(file), "");
    EXPECT_THAT(samplesOf(file), SizeIs(3));
  }
  EXPECT_THAT(errorOf(Wav{.after = chunk("data", three)}.with(three)), HasSubstr("found several"));
}

// Who does not know that chunks begin at even places writes no byte between.
TEST(Wav, ReadsOddChunksWithPaddingAndWithout) {
  std::string list = chunk("LIST", "odd");
  EXPECT_THAT(samplesOf(Wav{.before = list}.with(three)), SizeIs(3));
  EXPECT_THAT(samplesOf(Wav{.before = list.substr(0, list.size() - 1)}.with(three)), SizeIs(3));
  EXPECT_THAT(
      samplesOf(Wav{.bits = 8, .block = 1, .after = std::string(1, '\0') + chunk("LIST", "")}.with(
          "\x80\xc0\x40")),
      ElementsAre(0, 0.5f, -0.5f));
}

TEST(Wav, ReadsSamplesOfMoreBytesThanBits) {
  auto int24 = [](int32_t value) { return little(value << 8).substr(1); };
  EXPECT_THAT(samplesOf(Wav{.bits = 24, .block = 4}.with(little(1 << 29) + little(-(1 << 30)))),
              ElementsAre(0.25f, -0.5f));
  EXPECT_THAT(samplesOf(Wav{.channels = 2, .bits = 24, .block = 8}.with(little(1 << 29) +
                                                                        little(-(1 << 30)))),
              ElementsAre(-0.125f));
  EXPECT_THAT(samplesOf(Wav{.bits = 20, .block = 3}.with(int24(1 << 21) + int24(-(1 << 22)))),
              ElementsAre(0.25f, -0.5f));
  EXPECT_THAT(samplesOf(Wav{.bits = 12, .block = 2}.with(three)), SizeIs(3));
  for (auto [tag, bits, block] : {std::tuple(1, 24, 2),
                                  {1, 16, 3 * 2},
                                  {1, 16, 0},
                                  {1, 8, 2},
                                  {3, 32, 8},
                                  {3, 64, 4},
                                  {1, 32, 3}})
    EXPECT_THAT(
        errorOf(Wav{.tag = uint16_t(tag), .bits = uint16_t(bits), .block = uint16_t(block)}.with(
            three)),
        HasSubstr(fmt::format("of {} bits, found blocks of {} bytes", bits, block)));
  EXPECT_THAT(errorOf(Wav{.channels = 2, .bits = 16, .block = 3}.with(three)),
              HasSubstr("hold 2 samples of 16 bits, found blocks of 3 bytes"));
}

// Files of libsndfile 1.2.2: 0, 0.25, -0.5, 0.75, -1, 0.125.
TEST(Wav, ReadsItsOtherForms) {
  const char *files[] = {
      // RF64 of 16 bits and of float
      "52463634ffffffff57415645647336341c0000006c000000000000000c0000000000000006000000000000000000"
      "00"
      "00666d742028000000feff0100401f0000803e00000200100016001000040000000100000000001000800000aa00"
      "38"
      "9b7164617461ffffffff0000002000c0006000800010",
      "52463634ffffffff57415645647336341c0000007800000000000000180000000000000006000000000000000000"
      "0000"
      "666d742028000000feff0100401f0000007d00000400200016002000040000000300000000001000800000aa0038"
      "9b71"
      "64617461ffffffff000000000000803e000000bf0000403f000080bf0000003e",
      // RIFX of 24 bits and of float
      "524946580000003657415645666d7420000000100001000100001f4000005dc00003001864617461000000120000"
      "00200000c00000600000800000100000",
      "524946580000006057415645666d7420000000100003000100001f4000007d000004002066616374000000040000"
      "00065045414b00000010000000016b0b64a23f800000000000046461746100000018000000003e800000bf000000"
      "3f400000bf8000003e000000",
      // WAVE_FORMAT_EXTENSIBLE of 16 bits
      "524946465400000057415645666d742028000000feff0100401f0000803e00000200100016001000040000000100"
      "000000001000800000aa00389b71666163740400000006000000646174610c0000000000002000c000600080001"
      "0"};
  for (const char *digits : files) {
    std::string file = fromHex(digits);
    EXPECT_THAT(samplesOf(file), ElementsAre(0, 0.25f, -0.5f, 0.75f, -1, 0.125f));
    EXPECT_EQ(warningOf(file), "");
    file.erase(file.size() - 1);
    EXPECT_THAT(errorOf(file), HasSubstr("it is cut short"));
  }
}

TEST(Wav, Reads64BitSizes) {
  auto sizes = [](uint64_t data) {
    return chunk("ds64", little<uint64_t>(0) + little(data) + little<uint64_t>(0) + little(0));
  };
  for (const char *start : {"RF64", "BW64"}) {
    Wav wav = {.before = sizes(4), .start = start, .size = UINT32_MAX};
    EXPECT_THAT(samplesOf(wav.with(three.substr(0, 4))), ElementsAre(0.25f, -0.5f));
    EXPECT_EQ(warningOf(wav.with(three.substr(0, 4) + chunk("LIST", ""))), "");
    EXPECT_THAT(errorOf(wav.with("")), HasSubstr("it is cut short, 0 bytes of 4"));
    for (uint64_t unknown : {uint64_t(0), UINT64_MAX}) {
      wav.before = sizes(unknown);
      EXPECT_THAT(samplesOf(wav.with(three)), SizeIs(3));
    }
    wav.before = sizes(UINT64_C(1) << 40);
    EXPECT_THAT(errorOf(wav.with(three)), HasSubstr("6 bytes of 1099511627776"));
  }
}

TEST(Wav, NamesOtherFormats) {
  EXPECT_THAT(errorOf(Wav{.tag = 7, .bits = 8, .block = 1}.with(three)),
              HasSubstr("found mu-law (format 7) of 8 bits"));
  EXPECT_THAT(errorOf(Wav{.tag = 0x55, .bits = 0, .block = 1}.with(three)), HasSubstr("found MP3"));
  std::string guid(24, 'x');
  EXPECT_THAT(errorOf(Wav{.tag = 0xfffe, .moreFormat = guid}.with(three)),
              HasSubstr("found a subformat that is neither"));
}

} // namespace
} // namespace stc::runtime::test

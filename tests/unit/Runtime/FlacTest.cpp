//===- FlacTest.cpp - FLAC between tags, with wrong sums, cut --------------------------------===//
#include "tests/unit/Runtime/Sounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;

const std::string flac = writeFlac(8000, 1, tone(440, 8000, 10000));
// STREAMINFO stands at byte 8: the number of samples in the lower 36 bits of 8 bytes at 18, the MD5
// at 26 (RFC 9639, Sec. 8.2).
constexpr size_t totalAt = 21, md5At = 26;

std::string id3v2(size_t bytes) {
  return std::string("ID3\4\0\0", 6) + std::string(2, '\0') + static_cast<char>(bytes >> 7) +
         static_cast<char>(bytes & 0x7f) + std::string(bytes, 'x');
}

std::string ape(bool header) {
  std::string item(50, 'x');
  auto end = [&](uint32_t flags) {
    return "APETAGEX" + little(2000u) + little<uint32_t>(item.size() + 32) + little(1u) +
           little(flags) + std::string(8, '\0');
  };
  return (header ? end(0xa0000000) : "") + item + end(header ? 0x80000000 : 0);
}

std::string withoutTotal() {
  std::string file = flac;
  file[totalAt] &= 0xf0;
  return file.replace(totalAt + 1, 4, 4, '\0');
}

TEST(Flac, ReadsBetweenTags) {
  std::vector<float> samples = samplesOf(flac);
  ASSERT_EQ(samples.size(), 10000u);
  std::string id3v1 = "TAG" + std::string(125, 'y');
  for (const std::string &whole : {flac, withoutTotal()})
    for (const std::string &file :
         {id3v2(100) + whole, id3v2(1000) + id3v2(0) + whole, whole + id3v1, whole + ape(true),
          whole + ape(false) + id3v1, id3v2(300) + whole + ape(true) + id3v1}) {
      EXPECT_TRUE(isAudio(bytesOf(file)));
      EXPECT_EQ(samplesOf(file), samples);
      EXPECT_EQ(warningOf(file), "");
    }
  EXPECT_FALSE(isAudio(bytesOf(id3v2(100) + "\xff\xfb")));
  EXPECT_FALSE(isAudio(bytesOf(id3v2(100).substr(0, 50))));
}

TEST(Flac, LooksBehindTheLastSample) {
  std::vector<float> samples = samplesOf(flac), both = samples;
  both.insert(both.end(), samples.begin(), samples.end());
  EXPECT_EQ(samplesOf(flac + id3v2(10) + flac), both);
  EXPECT_EQ(samplesOf(flac + std::string(100, 'x')), samples);
  EXPECT_EQ(warningOf(flac + std::string(100, 'x')),
            "100 bytes behind its last sample are no FLAC and are left out");
  EXPECT_EQ(warningOf(flac + std::string(100, '\0')), "");
  EXPECT_THAT(errorOf(flac + flac.substr(0, flac.size() / 2)), HasSubstr("damaged or cut short"));
  EXPECT_THAT(errorOf(flac + writeFlac(16000, 1, tone(440, 16000, 1000))),
              HasSubstr("expected one sample rate"));
}

TEST(Flac, TakesSamplesOfAWrongSum) {
  std::string wrong = flac;
  wrong[md5At] ^= 1;
  EXPECT_EQ(samplesOf(wrong), samplesOf(flac));
  EXPECT_EQ(warningOf(wrong), "the checksum of its samples is wrong, though they are all there");
  // Nothing but the sum says whether it is whole.
  wrong = withoutTotal();
  EXPECT_EQ(warningOf(wrong), "");
  wrong[md5At] ^= 1;
  EXPECT_THAT(errorOf(wrong), HasSubstr("wrong checksum, or it is cut short"));
}

TEST(Flac, NeverTakesACutFile) {
  std::string noSum = flac;
  noSum.replace(md5At, 16, 16, '\0');
  ASSERT_EQ(errorOf(noSum), "");
  for (const std::string &whole : {flac, noSum, withoutTotal()})
    for (size_t size : {whole.size() / 3, whole.size() / 2, whole.size() - 1})
      EXPECT_THAT(errorOf(whole.substr(0, size)), HasSubstr("broken FLAC: ")) << size;
  std::string damaged = flac;
  damaged[flac.size() / 2] ^= 16;
  EXPECT_THAT(errorOf(damaged), HasSubstr("damaged or cut short"));
}

} // namespace
} // namespace stc::runtime::test

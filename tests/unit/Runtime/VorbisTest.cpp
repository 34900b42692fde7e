//===- VorbisTest.cpp - Ogg of several links, cut, damaged, of other codecs ------------------===//
#include "tests/unit/Runtime/Sounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;

// RFC 3533, Sec. 6: 27 bytes, the last of which is the number of lengths that follow.
std::vector<std::string> pagesOf(const std::string &file) {
  std::vector<std::string> pages;
  for (size_t at = 0; at < file.size();) {
    auto byteAt = [&](size_t offset) { return static_cast<uint8_t>(file[at + offset]); };
    size_t size = 27 + byteAt(26);
    for (size_t i = 27, end = size; i < end; ++i)
      size += byteAt(i);
    pages.push_back(file.substr(at, size));
    at += size;
  }
  return pages;
}

std::string join(const std::vector<std::string> &pages) {
  return std::accumulate(pages.begin(), pages.end(), std::string());
}

// A sound of several pages, and a clip of one.
const std::string sound = writeVorbis(8000, 1, tone(440, 8000, 100000), 7);
const std::string clip = writeVorbis(8000, 1, tone(880, 8000, 8000), 8);

TEST(Vorbis, ReadsAllLinks) {
  std::vector<float> expected = samplesOf(clip), second = samplesOf(sound);
  ASSERT_EQ(expected.size(), 8000u);
  ASSERT_EQ(second.size(), 100000u);
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(samplesOf(clip + sound), expected);
  EXPECT_EQ(warningOf(clip + sound), "");
  // Both have the number that people's `cat` leaves them.
  std::string other = writeVorbis(8000, 1, tone(440, 8000, 3000), 8);
  EXPECT_EQ(samplesOf(clip + other + clip).size(), 19000u);
  EXPECT_EQ(samplesOf(writeVorbis(8000, 2, tone(440, 8000, 4000), 9) + clip).size(), 10000u);
  EXPECT_THAT(errorOf(clip + writeVorbis(16000, 1, tone(880, 16000, 8000), 9)),
              HasSubstr("expected one sample rate"));
}

TEST(Vorbis, SaysThatItIsCut) {
  std::vector<std::string> pages = pagesOf(sound);
  ASSERT_GE(pages.size(), 5u);
  for (size_t size : {sound.size() / 2, sound.size() * 3 / 4, sound.size() - 1, size_t(30)})
    EXPECT_THAT(errorOf(sound.substr(0, size)), HasSubstr("broken Ogg: it is cut short")) << size;
  EXPECT_THAT(errorOf(clip + sound.substr(0, sound.size() / 2)), HasSubstr("it is cut short"));
  EXPECT_THAT(errorOf(pages[0]), HasSubstr("broken Ogg Vorbis: it is cut short in its headers"));
  EXPECT_THAT(errorOf(pages[0] + clip), HasSubstr("it is cut short in its headers"));
  // At a page's end nobody knows, but the last page says that it is the last.
  std::string radio = join({pages.begin(), pages.end() - 1});
  EXPECT_EQ(warningOf(radio), "its last page is missing: it may be cut short");
  EXPECT_GT(samplesOf(radio).size(), 30000u);
  EXPECT_LT(samplesOf(radio).size(), 100000u);
  EXPECT_EQ(warningOf(radio + clip), "its last page is missing: it may be cut short");
}

TEST(Vorbis, SaysThatPagesAreMissingOrDamaged) {
  std::vector<std::string> pages = pagesOf(sound), hole = pages;
  hole.erase(hole.begin() + static_cast<ptrdiff_t>(pages.size() / 2));
  EXPECT_THAT(errorOf(join(hole)), HasSubstr("broken Ogg Vorbis: missing pages"));
  // The only page of samples.
  std::string damaged = clip;
  damaged[clip.size() - 10] ^= 1;
  EXPECT_THAT(errorOf(damaged), HasSubstr("broken Ogg: damaged pages"));
}

TEST(Vorbis, NamesOtherStreams) {
  std::string opus = writeOggPage(3, "OpusHead and more"),
              flac = writeOggPage(4, "\x7f"
                                     "FLAC"),
              skeleton = writeOggPage(5, std::string("fishead\0", 8) + std::string(56, '\0'));
  EXPECT_THAT(errorOf(opus), HasSubstr("expected Vorbis in the Ogg file, found Opus"));
  EXPECT_THAT(errorOf(flac + writeOggPage(6, "\x80theora")), HasSubstr("found FLAC, Theora"));
  EXPECT_THAT(errorOf(writeOggPage(4, "what?")), HasSubstr("found an unknown stream"));
  EXPECT_THAT(errorOf(clip + opus), HasSubstr("found Opus"));
  // Beside Vorbis they are passed over.
  EXPECT_EQ(samplesOf(skeleton + clip), samplesOf(clip));
  std::vector<std::string> pages = pagesOf(clip);
  pages.insert(pages.begin() + 1, skeleton);
  EXPECT_EQ(samplesOf(join(pages)), samplesOf(clip));
  pages.insert(pages.begin() + 1, pagesOf(sound)[0]);
  EXPECT_EQ(warningOf(join(pages)), "of several Vorbis streams side by side the first is taken");
}

} // namespace
} // namespace stc::runtime::test

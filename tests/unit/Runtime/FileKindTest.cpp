//===- FileKindTest.cpp - telling formats by their first bytes -------------------------------===//
#include "runtime/Support/FileKind.h"
#include "tests/unit/Runtime/DataFiles.h"

#include <gtest/gtest.h>
#include <random>

namespace stc::runtime::test {
namespace {

std::string kindOf(const std::string &start) {
  const FileKind *kind = fileKind(bytesOf(start));
  return kind ? kind->name : "";
}

// What gzip, xz, bzip2, zstd, zip, tar, Pillow, libsndfile, LAME and others wrote for a few bytes.
TEST(FileKind, KnowsFormats) {
  const std::pair<const char *, const char *> files[] = {
      {"1f8b0808000000000003", "a gzip archive"},
      {"fd377a585a000004", "an xz archive"},
      {"425a6839314159265359", "a bzip2 archive"},
      {"28b52ffd2003", "a zstd archive"},
      {"504b03041400", "a zip archive"},
      {"255044462d312e37", "a PDF document"},
      {"474946383961", "a GIF picture"},
      {"524946462400000057454250", "a WebP picture"},
      {"424d460000000000000036000000", "a BMP picture"},
      {"524946462400000057415645", "a WAV sound"},
      {"52463634ffffffff57415645", "a WAV sound"},
      {"664c614300000022", "a FLAC sound"},
      {"4f67675300020000", "an Ogg sound"},
      {"464f524d0000002e41494646", "an AIFF sound"},
      {"0000001c667479704d344120", "an M4A sound"},
      {"0000001866747970686569630000", "a HEIF picture"},
      {"00000018667479706d703432", "an MP4 video"},
      {"934e554d5059010076007b27", "a NumPy array"},
      {"894844460d0a1a0a", "an HDF5 file"},
      {"80049514000000", "a pickle of Python"},
      {"2800000000000000"
       "7b2261223a",
       "weights (safetensors)"},
      {"5354432d50524f47", "a compiled program (.stcp)"},
  };
  for (auto [digits, kind] : files) {
    EXPECT_EQ(kindOf(fromHex(digits)), kind);
    EXPECT_EQ(kindOf(fromHex(digits).substr(0, 1)), "");
  }
  EXPECT_EQ(kindOf(std::string(257, 'a') + "ustar\00000"), "a tar archive");
}

TEST(FileKind, LooksBehindTagsOfSounds) {
  std::string tag = std::string("ID3\4\0\0\0\0\1\0", 10) + std::string(128, 'x');
  EXPECT_EQ(kindOf(tag + "fLaC"), "a FLAC sound");
  EXPECT_EQ(kindOf(tag + "\xff\xfb"), "an MP3 sound");
  EXPECT_EQ(kindOf(tag.substr(0, 100)), "an MP3 sound");
  // Two frames of 128 kbit/s at 44,100 Hz: 417 bytes each.
  std::string frame = "\xff\xfb\x90\x64" + std::string(413, 'x');
  EXPECT_EQ(kindOf(frame + frame), "an MP3 sound");
  EXPECT_EQ(kindOf(frame + std::string(417, 'x')), "");
}

TEST(FileKind, KnowsNothingOfPlainBytes) {
  for (const char *text : {"", "The", "BMW made", "%!PS", "RIFFs of", "ID3 is a tag", "PK",
                           "#!/bin/sh", "{\"a\": 1}", "II. Part", "MAC address", "FORMAT",
                           "\x7f"
                           "ELF\2\1\1",
                           "\xef\xbb\xbfText", "GIF"})
    EXPECT_EQ(kindOf(std::string(text) + std::string(300, ' ')), "") << text;
  std::mt19937 random(1);
  int known = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string noise(600, '\0');
    for (char &byte : noise)
      byte = static_cast<char>(random());
    known += kindOf(noise) != "";
  }
  EXPECT_EQ(known, 0);
}

TEST(FileKind, SaysWhatToDo) {
  EXPECT_EQ(describeFile(bytesOf("hello")), "a file that begins with \"hello\"");
  EXPECT_EQ(adviceForBytes(*fileKind(bytesOf("\x1f\x8b\x08"))),
            "unpack it first; stc-run prepare --raw takes any file's bytes as they are");
}

} // namespace
} // namespace stc::runtime::test

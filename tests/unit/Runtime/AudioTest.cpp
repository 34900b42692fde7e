//===- AudioTest.cpp - decoding sound, resampling, mu-law
//---------------------------------------===//
#include "runtime/Data/MuLaw.h"
#include "runtime/Data/Resampler.h"
#include "tests/unit/Runtime/Sounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;

// Left is twice the tone, right is silent: the mean is the tone.
std::vector<float> stereo(const std::vector<float> &mono) {
  std::vector<float> both;
  for (float sample : mono)
    both.insert(both.end(), {2 * sample, 0});
  return both;
}

void expectTone(const std::string &file, int64_t samples, float tolerance) {
  auto sound = decodeSound(file);
  ASSERT_TRUE(sound) << sound.error().message;
  EXPECT_EQ(sound->rate, 8000);
  std::vector<float> expected = tone(440, 8000, samples);
  ASSERT_EQ(sound->samples.size(), expected.size());
  float worst = 0;
  for (size_t i = 0; i < expected.size(); ++i)
    worst = std::max(worst, std::abs(sound->samples[i] - expected[i]));
  EXPECT_LT(worst, tolerance);
}

TEST(Audio, DecodesWav) {
  std::vector<float> mono = tone(440, 8000, 3000);
  struct Case {
    int format, bits;
    float tolerance;
  };
  for (const Case &c : {Case{1, 8, 1e-2f}, Case{1, 16, 1e-4f}, Case{1, 24, 1e-6f},
                        Case{1, 32, 1e-6f}, Case{3, 32, 1e-7f}, Case{3, 64, 1e-7f}}) {
    SCOPED_TRACE(c.bits);
    expectTone(writeWav(c.format, c.bits, 8000, 1, mono), 3000, c.tolerance);
    expectTone(writeWav(c.format, c.bits, 8000, 2, stereo(mono)), 3000, c.tolerance);
  }
  // Written into a pipe: the size of the data was not known.
  std::string open = writeWav(1, 16, 8000, 1, mono);
  open.replace(open.find("data") + 4, 4, "\xff\xff\xff\xff");
  expectTone(open, 3000, 1e-4f);
}

TEST(Audio, DecodesFlac) {
  expectTone(writeFlac(8000, 1, tone(440, 8000, 10000)), 10000, 1e-4f);
  expectTone(writeFlac(8000, 2, stereo(tone(440, 8000, 10000))), 10000, 1e-4f);
}

TEST(Audio, DecodesVorbis) {
  expectTone(writeVorbis(8000, 1, tone(440, 8000, 10000)), 10000, 0.03f);
  expectTone(writeVorbis(8000, 2, stereo(tone(440, 8000, 10000))), 10000, 0.05f);
}

TEST(Audio, SaysWhatDoesNotFit) {
  std::vector<float> mono = tone(440, 8000, 100);
  EXPECT_THAT(errorOf("ID3 and so on"), HasSubstr("expected a WAV, FLAC or Ogg Vorbis file"));
  EXPECT_THAT(errorOf("RIFF....AVI LIST"), HasSubstr("found another RIFF file"));
  EXPECT_THAT(errorOf(writeWav(9, 8, 8000, 1, mono)), HasSubstr("found format 9 of 8 bits"));
  EXPECT_THAT(errorOf(writeWav(1, 16, 0, 1, mono)), HasSubstr("samples a second, found 0"));
  EXPECT_THAT(errorOf(writeWav(1, 16, 8000, 0, {})), HasSubstr("channels, found 0"));
  std::string wav = writeWav(1, 16, 8000, 1, mono);
  EXPECT_THAT(errorOf(wav.substr(0, wav.size() - 1)), HasSubstr("it is cut short"));
  EXPECT_THAT(errorOf(wav.substr(0, 30)), HasSubstr("it is cut short"));
  EXPECT_THAT(errorOf(wav.substr(0, 36)), HasSubstr("no data chunk"));
  mono[50] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(errorOf(writeWav(3, 32, 8000, 1, mono)), HasSubstr("not a finite number"));
  EXPECT_THAT(errorOf("OggS" + std::string(100, 'x')), HasSubstr("broken Ogg: "));
  std::string flac = writeFlac(8000, 1, tone(440, 8000, 10000));
  EXPECT_THAT(errorOf(flac.substr(0, flac.size() / 2)), HasSubstr("broken FLAC"));
  EXPECT_THAT(errorOf("fLaC"), HasSubstr("broken FLAC"));
}

TEST(Audio, DamageNeverCrashes) {
  std::vector<float> mono = tone(440, 8000, 2000);
  std::random_device device;
  unsigned seed = device();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (const std::string &good :
       {writeWav(1, 16, 8000, 1, mono), writeFlac(8000, 1, mono), writeVorbis(8000, 1, mono)}) {
    for (size_t size = 0; size < good.size(); size += 37)
      decodeSound(good.substr(0, size));
    for (int i = 0; i < 300; ++i) {
      std::string bad = good;
      // Most of what a file says of itself stands at its beginning.
      size_t place = random() % (i % 2 ? good.size() : std::min<size_t>(good.size(), 200));
      bad[place] = static_cast<char>(random());
      if (auto sound = decodeSound(bad))
        for (float sample : sound->samples)
          ASSERT_TRUE(std::isfinite(sample));
    }
  }
}

std::vector<float> resample(int64_t from, int64_t to, const std::vector<float> &samples,
                            size_t piece) {
  Resampler resampler(from, to);
  std::vector<float> output;
  for (size_t at = 0; at < samples.size(); at += piece)
    resampler.push(std::span(samples).subspan(at, std::min(piece, samples.size() - at)), output);
  resampler.finish(output);
  return output;
}

// A tone below both Nyquist frequencies is the same tone at the other rate.
TEST(Resampler, KeepsATone) {
  const int64_t rates[][2] = {{44100, 12000}, {48000, 12000}, {8000, 12000}, {22050, 12000},
                              {11025, 16000}, {12000, 12000}, {44100, 44099}};
  for (auto [from, to] : rates) {
    std::vector<float> output = resample(from, to, tone(1000, from, from / 4), 777);
    std::vector<float> expected = tone(1000, to, output.size());
    EXPECT_EQ(static_cast<int64_t>(output.size()), (from / 4 * to + from - 1) / from);
    float worst = 0;
    for (size_t i = 200; i + 200 < output.size(); ++i)
      worst = std::max(worst, std::abs(output[i] - expected[i]));
    EXPECT_LT(worst, 2e-4f) << from << " to " << to;
  }
}

// A tone between the lower and the higher Nyquist frequency would come back as another one.
TEST(Resampler, RemovesWhatTheLowerRateCannotHold) {
  std::vector<float> output = resample(44100, 12000, tone(6500, 44100, 44100), 4096);
  for (size_t i = 200; i + 200 < output.size(); ++i)
    ASSERT_LT(std::abs(output[i]), 2e-4f);
}

TEST(Resampler, DoesNotDependOnThePieces) {
  std::vector<float> input = tone(700, 44100, 5000);
  std::vector<float> whole = resample(44100, 12000, input, 5000);
  for (size_t piece : {1, 13, 4096})
    EXPECT_EQ(resample(44100, 12000, input, piece), whole);
  EXPECT_TRUE(resample(44100, 12000, {}, 1).empty());
  EXPECT_EQ(resample(44100, 12000, {0.5f}, 1).size(), 1u);
}

TEST(MuLaw, IsTheFormula) {
  EXPECT_EQ(encodeMuLaw(0), muLawSilence);
  EXPECT_EQ(encodeMuLaw(1), 255);
  EXPECT_EQ(encodeMuLaw(-1), 0);
  EXPECT_EQ(encodeMuLaw(5), 255);
  EXPECT_EQ(encodeMuLaw(-5), 0);
  EXPECT_EQ(encodeMuLaw(std::numeric_limits<float>::infinity()), 255);
  EXPECT_EQ(encodeMuLaw(std::numeric_limits<float>::quiet_NaN()), 0);
  // F(0.1) = ln(26.5) / ln(256) = 0.59099, and (0.59099 + 1) / 2 * 255 = 202.85
  EXPECT_EQ(encodeMuLaw(0.1f), 203);
  EXPECT_EQ(encodeMuLaw(-0.1f), 52);
}

TEST(MuLaw, InvertsEveryByte) {
  float before = -2;
  for (int byte = 0; byte < 256; ++byte) {
    float sample = decodeMuLaw(byte);
    EXPECT_EQ(encodeMuLaw(sample), byte);
    EXPECT_GT(sample, before);
    before = sample;
  }
  EXPECT_EQ(decodeMuLaw(0), -1);
  EXPECT_EQ(decodeMuLaw(255), 1);
  EXPECT_LT(std::abs(decodeMuLaw(muLawSilence)), 1e-4f);
}

} // namespace
} // namespace stc::runtime::test

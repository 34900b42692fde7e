//===- ViewCommandTest.cpp - tables, samples and reports as a person asks for them ------------===//
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/DataFiles.h"
#include "tests/unit/Runtime/MockModel.h"

#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <regex>

namespace stc::runtime::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class ViewCommandTest : public testing::Test {
protected:
  ViewCommandTest() {
    writeFile(data, mockData(20000));
    std::filesystem::remove_all(folder);
    EXPECT_EQ(run({"train", program, "--data", data, "--out", folder, "--steps", "20"}).code, 0);
    // The mock model again, of images [4, 8, 1] and of sounds.
    ProgramSpec spec = mockHistoryModel();
    spec.settings[0].second = "image";
    spec.settings.push_back({"data.shape", "[4, 8, 1]"});
    image = spec.write("image.stcp");
    spec.settings[0].second = "audio";
    spec.settings.push_back({"data.rate", "8000"});
    audio = spec.write("audio.stcp");
  }

  // stc-run command program --weights ... rest
  Outcome with(const std::string &command, const std::string &model,
               std::vector<std::string> rest) {
    rest.insert(rest.begin(), {command, model, "--weights", folder + "/weights.safetensors"});
    return run(rest);
  }
  static std::string errorOf(const Outcome &outcome) {
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    return outcome.err;
  }
  static uint32_t bigEndian(const std::string &bytes, size_t at) {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4; ++i)
      value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return value;
  }

  std::string program = mockHistoryModel().write("history.stcp"), image, audio,
              data = temporaryPath("text"), folder = temporaryPath("view");
};

TEST_F(ViewCommandTest, TrainSaysBitsPerDimensionOfImages) {
  Outcome text = run({"train", image, "--data", data, "--out", folder + "/image", "--steps", "1",
                      "--eval-every", "1"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_TRUE(std::regex_search(text.out, std::regex("step 1/1  [0-9.]+ bits/dim"))) << text.out;
  EXPECT_TRUE(std::regex_search(text.out, std::regex("held-out [0-9.]+ \\+- [0-9.]+ bits/dim\n")))
      << text.out;
  EXPECT_THAT(text.out, Not(HasSubstr("bits/byte")));
}

TEST_F(ViewCommandTest, EvalByPosition) {
  Outcome text = with("eval", program, {"--data", data, "--by-position", "--windows", "10"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("bits/byte over 320 bytes"), HasSubstr("std. error")));
  EXPECT_TRUE(std::regex_search(text.out, std::regex("\n +16-31 +[0-9.]+ +[0-9.]+ +160\n")));
  auto json = nlohmann::json::parse(
      with("eval", image, {"--data", data, "--by-position", "--buckets", "3", "--json"}).out);
  EXPECT_EQ(json["unit"], "bits/dim");
  ASSERT_EQ(json["by_position"].size(), 3u);
  EXPECT_EQ(json["by_position"][2]["first"], 21);
  EXPECT_EQ(json["by_position"][2]["end"], 32);
  double sum = 0;
  for (const auto &bucket : json["by_position"])
    sum += bucket["bits_per_byte"].get<double>() * bucket["bytes"].get<double>();
  EXPECT_NEAR(sum / json["bytes"].get<double>(), json["bits_per_byte"].get<double>(), 1e-9);
  EXPECT_EQ(with("eval", program, {"--data", data, "--buckets", "3"}).code, 2);
}

TEST_F(ViewCommandTest, EvalByContext) {
  // The list does not swallow what stands behind it.
  Outcome text = run({"eval", "--contexts", "0,16,24", program, "--weights",
                      folder + "/weights.safetensors", "--data", data, "--windows", "4"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(std::ranges::count(text.out, '\n'), 4);
  EXPECT_THAT(text.out, AllOf(HasSubstr("change from 0"), HasSubstr("+0.0000")));
  auto json = nlohmann::json::parse(
      with("eval", program, {"--data", data, "--contexts", "0,16", "--windows", "4", "--json"})
          .out);
  EXPECT_EQ(json["window"], 32);
  ASSERT_EQ(json["contexts"].size(), 2u);
  EXPECT_EQ(json["contexts"][1]["context"], 16);
  EXPECT_EQ(json["contexts"][1]["bytes"], 128);
  EXPECT_NEAR(json["contexts"][1]["bits_per_byte"].get<double>() -
                  json["contexts"][0]["bits_per_byte"].get<double>(),
              json["contexts"][1]["change"].get<double>(), 1e-9);
  EXPECT_THAT(errorOf(with("eval", program, {"--data", data, "--contexts", "32"})),
              HasSubstr("expected contexts of 0 to 31 bytes"));
  EXPECT_EQ(with("eval", program, {"--data", data, "--contexts", "a"}).code, 2);
}

// The bytes of a sample, as a file, cost in evaluation what sampling said that they cost.
TEST_F(ViewCommandTest, LikelihoodOfATextFile) {
  std::string out = folder + "/samples/text.txt";
  Outcome sampled = with("sample", program, {"--out", out, "--likelihood", "--top-k", "3"});
  ASSERT_EQ(sampled.code, 0) << sampled.err;
  std::smatch match;
  ASSERT_TRUE(std::regex_match(
      sampled.out, match, std::regex("sample 1: ([0-9.]+) bits/byte over 32 sampled bytes\n")));
  EXPECT_EQ(readFile(out).size(), 32u);
  auto json =
      nlohmann::json::parse(with("eval", program, {"--data", out, "--split", "all", "--json"}).out);
  EXPECT_NEAR(std::stod(match[1]), json["bits_per_byte"].get<double>(), 1e-3);
  // The same on the terminal, and the same bytes.
  EXPECT_EQ(with("sample", program, {"--likelihood", "--top-k", "3"}).out,
            readFile(out) + "\n" + sampled.out);
}

TEST_F(ViewCommandTest, SeveralTexts) {
  std::string out = folder + "/samples/texts.txt";
  ASSERT_EQ(with("sample", program, {"--out", out, "--count", "3", "--prompt", "tea"}).code, 0);
  EXPECT_EQ(readFile(out), with("sample", program, {"--count", "3", "--prompt", "tea"}).out);
}

TEST_F(ViewCommandTest, ImagesMakeASheet) {
  std::string out = folder + "/samples/sheet.png";
  Outcome sampled = with("sample", image, {"--out", out, "--count", "3", "--likelihood"});
  ASSERT_EQ(sampled.code, 0) << sampled.err;
  EXPECT_TRUE(std::regex_search(sampled.out, std::regex("image 3: [0-9.]+ bits/dim over 32")));
  std::string png = readFile(out);
  EXPECT_THAT(png, StartsWith("\x89PNG\r\n\x1a\n"));
  EXPECT_EQ(bigEndian(png, 16), 2 * 8 + 3 * 2u); // two columns of two rows
  EXPECT_EQ(bigEndian(png, 20), 2 * 4 + 3 * 2u);
  with("sample", image, {"--out", out, "--count", "3"});
  EXPECT_EQ(readFile(out), png);
  with("sample", image, {"--out", out, "--count", "3", "--seed", "1"});
  EXPECT_NE(readFile(out), png);
}

TEST_F(ViewCommandTest, CompletionsStandBetweenWhatIsGivenAndTheOriginal) {
  std::string out = folder + "/samples/completions.png";
  Outcome sampled = with("sample", image,
                         {"--out", out, "--complete", data, "--rows", "3", "--completions", "3",
                          "--count", "2", "--likelihood"});
  ASSERT_EQ(sampled.code, 0) << sampled.err;
  EXPECT_EQ(std::ranges::count(sampled.out, '\n'), 6);
  EXPECT_THAT(sampled.out, HasSubstr("image 2 completion 3: "));
  EXPECT_THAT(sampled.out, HasSubstr("over 8 sampled bytes"));
  std::string png = readFile(out);
  EXPECT_EQ(bigEndian(png, 16), 5 * 8 + 6 * 2u);
  EXPECT_EQ(bigEndian(png, 20), 2 * 4 + 3 * 2u);
  EXPECT_THAT(errorOf(with("sample", image, {"--out", out, "--complete", data, "--rows", "4"})),
              HasSubstr("expected to keep fewer than the 4 rows of an image, found 4"));
  EXPECT_THAT(errorOf(with("sample", image, {"--out", out, "--complete", data, "--count", "32"})),
              HasSubstr("expected 32 images in this part, found 31"));
  EXPECT_THAT(errorOf(with("sample", program, {"--complete", data})),
              HasSubstr("--complete is for models of images, this is one of text"));
}

TEST_F(ViewCommandTest, SoundsAreFiles) {
  std::string out = folder + "/samples/sound.wav", stem = folder + "/samples/sound-";
  ASSERT_EQ(with("sample", audio, {"--out", out}).code, 0);
  EXPECT_EQ(readFile(out).size(), 44 + 2 * 32u);
  ASSERT_EQ(with("sample", audio, {"--out", out, "--count", "3"}).code, 0);
  EXPECT_EQ(readFile(stem + "1.wav"), readFile(out));
  EXPECT_NE(readFile(stem + "3.wav"), readFile(out));
}

TEST_F(ViewCommandTest, SoundsAreContinued) {
  std::string given = temporaryPath("tone.wav"), out = folder + "/samples/more.wav";
  std::vector<float> samples = tone(440, 8000, 100); // longer than the context
  writeFile(given, writeWav(1, 16, 8000, 1, samples));
  Outcome sampled = with("sample", audio, {"--prompt-file", given, "--length", "50", "--out", out});
  ASSERT_EQ(sampled.code, 0) << sampled.err;
  std::string wav = readFile(out);
  ASSERT_EQ(wav.size(), 44 + 2 * 150u);
  for (size_t i = 0; i < samples.size(); ++i) {
    int16_t sample;
    std::memcpy(&sample, wav.data() + 44 + 2 * i, 2);
    EXPECT_NEAR(sample / 32767.0, samples[i], 0.02) << i; // a step of mu-law
  }
  // Without --length, half a context.
  ASSERT_EQ(with("sample", audio, {"--prompt-file", given, "--out", out}).code, 0);
  EXPECT_EQ(readFile(out).size(), 44 + 2 * 116u);

  EXPECT_THAT(errorOf(with("sample", audio, {"--prompt-file", data, "--out", out})),
              HasSubstr(data + ": expected a WAV, FLAC or Ogg Vorbis file, found "));
  EXPECT_THAT(errorOf(with("sample", audio, {"--prompt", "la", "--out", out})),
              HasSubstr("expected a --prompt-file of sound for a model of sounds, found --prompt"));
  EXPECT_THAT(errorOf(with("sample", program, {"--prompt-file", given})),
              HasSubstr(given + ": expected text to continue, found a WAV sound"));
  std::string picture = temporaryPath("picture.png");
  const std::vector<uint8_t> pixels(12);
  writeFile(picture, writePng(2, 2, 3, pixels));
  EXPECT_THAT(errorOf(with("sample", image, {"--prompt-file", picture, "--out", "x.png"})),
              HasSubstr("(--complete takes images) to continue, found a PNG picture"));
}

TEST_F(ViewCommandTest, TextGoesOnBeyondTheContext) {
  std::string text = with("sample", program, {"--prompt", "tea", "--length", "100"}).out;
  EXPECT_EQ(text.size(), 104u);
  EXPECT_THAT(text, StartsWith("tea"));
  // A prompt that is longer than the context.
  EXPECT_EQ(with("sample", program, {"--prompt", text.substr(0, 80), "--length", "20"}).out.size(),
            101u);
  EXPECT_THAT(errorOf(with("sample", image, {"--prompt", text.substr(0, 40), "--out", "x.png"})),
              HasSubstr("expected a prompt of fewer than the 32 bytes of an image, found 40"));
  EXPECT_THAT(errorOf(with("sample", program, {"--out", "x.png"})),
              HasSubstr("expected --out with the name of a text file for a model of text"));
}

TEST_F(ViewCommandTest, PicturesAndSoundsNeedAFile) {
  EXPECT_THAT(errorOf(with("sample", image, {})), HasSubstr("such as --out samples.png"));
  EXPECT_THAT(errorOf(with("sample", audio, {"--out", "x.mp3"})),
              HasSubstr("such as --out samples.wav, found x.mp3"));
  EXPECT_THAT(errorOf(with("sample", image, {"--out", folder + "/x.png", "--length", "3"})),
              HasSubstr("images are sampled whole"));
  EXPECT_EQ(with("sample", image, {"--out", data + "/x.png"}).code, 5);
}

TEST_F(ViewCommandTest, ReportIsAPage) {
  writeFile(folder + "/metrics.jsonl", "{\"kind\":\"step\",\"step\":1,\"bits_per_byte\":8}\n");
  Outcome report = run({"report", folder, "--program", program});
  ASSERT_EQ(report.code, 0) << report.err;
  EXPECT_EQ(report.out, folder + "/report.html\n");
  EXPECT_THAT(readFile(folder + "/report.html"),
              AllOf(StartsWith("<!DOCTYPE html>"), HasSubstr("Planned peak")));
  std::string other = temporaryPath("other.html");
  EXPECT_EQ(run({"report", folder, "--out", other}).out, other + "\n");
  EXPECT_TRUE(std::filesystem::exists(other));
  EXPECT_THAT(errorOf(run({"report", temporaryPath("nowhere")})), HasSubstr("cannot open"));
}

TEST_F(ViewCommandTest, ReportOfTwoRuns) {
  std::string metrics = "{\"kind\":\"step\",\"step\":1,\"bits_per_byte\":8}\n";
  std::string second = temporaryPath("second");
  std::filesystem::create_directory(second);
  writeFile(folder + "/metrics.jsonl", metrics);
  writeFile(second + "/metrics.jsonl", metrics);
  Outcome report = run({"report", folder, second});
  ASSERT_EQ(report.code, 0) << report.err;
  EXPECT_EQ(report.out, folder + "/comparison.html\n");
  EXPECT_THAT(readFile(folder + "/comparison.html"), HasSubstr("class=\"several\""));
  EXPECT_THAT(errorOf(run({"report", folder, second, folder, folder, folder})),
              HasSubstr("expected up to 4 run folders, found 5"));
  EXPECT_THAT(errorOf(run({"report", folder, "--program", program, second})),
              HasSubstr("expected one run folder beside --program, found 2"));
  EXPECT_THAT(errorOf(run({"report", folder, temporaryPath("nowhere")})),
              HasSubstr("nowhere/metrics.jsonl: cannot open"));
}

} // namespace
} // namespace stc::runtime::test

//===- PrepareTest.cpp - from files of people to files to train on
//-------------------------------===//
#include "runtime/Data/Prepare.h"
#include "runtime/Data/MuLaw.h"
#include "runtime/Data/NpyFile.h"
#include "tests/unit/Runtime/DataFiles.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

namespace stc::runtime::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class PrepareTest : public testing::Test {
protected:
  PrepareTest() {
    std::filesystem::remove_all(in);
    std::filesystem::remove_all(out);
    std::filesystem::create_directories(in + "/sub");
    options.inputs = {in};
    options.out = out;
    options.fresh = true;
    options.warn = [&](const std::string &line) { warnings.push_back(line); };
  }

  Result<Prepared> run(std::vector<std::pair<std::string, std::string>> settings) {
    ProgramSpec spec = smallProgram();
    spec.settings = std::move(settings);
    auto file = ProgramFile::open(spec.write("prepare.stcp"));
    return prepare(Settings(file->program()), options);
  }
  Result<Prepared> images(const std::string &shape = "[2, 2, 3]",
                          const std::string &split = "[0.8, 0.1, 0.1]") {
    return run({{"data.kind", "image"}, {"data.shape", shape}, {"data.split", split}});
  }
  Result<Prepared> audio() { return run({{"data.kind", "audio"}, {"data.rate", "4000"}}); }
  Result<Prepared> text(const std::string &split = "[0.8, 0.1, 0.1]") {
    return run({{"data.kind", "text"}, {"data.split", split}});
  }

  void write(const std::string &name, const std::string &contents) {
    writeFile(in + "/" + name, contents);
  }
  // A picture of one value, by which it is known.
  void writePicture(const std::string &name, uint8_t value, int64_t side = 4) {
    write(name, writePng(side, side, 3, std::vector<uint8_t>(side * side * 3, value)));
  }
  NpyArray part(const std::string &name) {
    auto array = readNpy(out + "/" + name + ".npy");
    EXPECT_TRUE(array) << array.error().message;
    return array.value_or(NpyArray());
  }
  std::string bytesOfPart(const std::string &name) {
    NpyArray array = part(name);
    return {reinterpret_cast<const char *>(array.data.data()), array.data.size()};
  }
  std::vector<std::string> written() {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(out))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  std::string in = temporaryPath("prepare-in"), out = temporaryPath("prepare-out");
  PrepareOptions options;
  std::vector<std::string> warnings;
};

std::string cifarRecords(int first, int count) {
  std::string file;
  for (int i = 0; i < count; ++i)
    file += std::string(1, '\5') + std::string(1024, char(first + i)) +
            std::string(1024, char(100 + i)) + std::string(1024, char(200));
  return file;
}

// A second of one sample, at 1,000 a second.
std::vector<float> level(int i) {
  return std::vector<float>(1000, 0.01f * static_cast<float>(i + 1));
}

TEST_F(PrepareTest, Cifar) {
  write("data_batch_2.bin", cifarRecords(5, 5));
  write("data_batch_1.bin", cifarRecords(0, 5));
  write("test_batch.bin", cifarRecords(90, 3));
  write("readme.html", "<html>");
  // Of the ten that are not the test set, a tenth is for validation.
  auto prepared = images("[32, 32, 3]", "[0.75, 0.0833333, 0.1666667]");
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->taken, 13);
  EXPECT_EQ(prepared->foreign, 1);
  EXPECT_THAT(written(), ElementsAre("test.npy", "train.npy", "valid.npy"));
  EXPECT_THAT(part("train").shape, ElementsAre(9, 32, 32, 3));
  EXPECT_THAT(part("valid").shape, ElementsAre(1, 32, 32, 3));
  EXPECT_THAT(part("test").shape, ElementsAre(3, 32, 32, 3));
  std::string train = bytesOfPart("train");
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(uint8_t(train[i * 3072]), i);
    EXPECT_EQ(uint8_t(train[i * 3072 + 1]), 100 + i % 5);
    EXPECT_EQ(uint8_t(train[i * 3072 + 3071]), 200);
  }
  EXPECT_EQ(uint8_t(bytesOfPart("valid")[0]), 9); // the last
  EXPECT_EQ(uint8_t(bytesOfPart("test")[0]), 90);
}

TEST_F(PrepareTest, ImageNet) {
  auto npz = [](int first, int count) {
    std::string data = npyStart(fmt::format("({}, 12)", count));
    for (int i = 0; i < count; ++i)
      data += std::string(4, char(first + i)) + std::string(4, '\1') + std::string(4, '\2');
    return writeZip({{"data.npy", data, true}});
  };
  write("train_data_batch_1.npz", npz(0, 6));
  write("train_data_batch_2.npz", npz(6, 4));
  write("val_data.npz", npz(50, 2));
  auto prepared = images("[2, 2, 3]", "[0.72, 0.08, 0.2]");
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->bytes, (std::array<int64_t, 3>{9 * 12, 12, 2 * 12}));
  EXPECT_EQ(bytesOfPart("test"),
            "\x32\1\2\x32\1\2\x32\1\2\x32\1\2\x33\1\2\x33\1\2\x33\1\2\x33\1\2");
  // A file of many pictures that is broken is an error, and leaves what was there.
  std::string broken = npz(0, 6);
  write("train_data_batch_1.npz", broken.replace(broken.find("data.npy") + 12, 4, "XXXX"));
  EXPECT_THAT(images().error().message, HasSubstr("train_data_batch_1.npz: "));
  EXPECT_THAT(written(), ElementsAre("test.npy", "train.npy", "valid.npy"));
}

// All that is cut from a picture is in one part, and each picture in one.
TEST_F(PrepareTest, PicturesAreDealtOutWhole) {
  for (int i = 0; i < 20; ++i)
    writePicture(fmt::format("{}p{}.x", i % 2 ? "sub/" : "", i), i * 10);
  options.fit = {PictureFit::Cut, 1};
  auto prepared = images();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_THAT(part("train").shape, ElementsAre(16 * 4, 2, 2, 3));
  EXPECT_THAT(part("valid").shape, ElementsAre(2 * 4, 2, 2, 3));
  EXPECT_THAT(part("test").shape, ElementsAre(2 * 4, 2, 2, 3));
  std::multiset<char> all;
  for (const char *name : {"train", "valid", "test"}) {
    std::string bytes = bytesOfPart(name);
    std::set<char> values(bytes.begin(), bytes.end());
    EXPECT_EQ(values.size() * 48, bytes.size());
    all.insert(values.begin(), values.end());
  }
  EXPECT_EQ(std::set<char>(all.begin(), all.end()).size(), 20u);
  EXPECT_THAT(all, SizeIs(20));
  // The same seed deals the same way, another one another way.
  std::string test = bytesOfPart("test");
  ASSERT_TRUE(images());
  EXPECT_EQ(bytesOfPart("test"), test);
  options.seed = 1;
  ASSERT_TRUE(images());
  EXPECT_NE(bytesOfPart("test"), test);
}

TEST_F(PrepareTest, LeavesOutBrokenPictures) {
  for (int i = 0; i < 5; ++i)
    writePicture(fmt::format("good{}.png", i), i);
  std::string png = writePng(4, 4, 3, std::vector<uint8_t>(48));
  write("broken.png", png.substr(0, png.size() / 2));
  writePicture("small.png", 9, 1);
  write("notes.txt", "not a picture");
  write(".hidden.png", "\x89PNG\r\n\x1a\n");
  auto prepared = images();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->taken, 5);
  EXPECT_EQ(prepared->leftOut, 2);
  EXPECT_EQ(prepared->foreign, 1);
  EXPECT_THAT(warnings,
              UnorderedElementsAre(HasSubstr("broken.png: broken PNG: "),
                                   HasSubstr("small.png: expected a picture of at least 2 x 2")));
  for (int i = 0; i < 5; ++i)
    std::filesystem::remove(fmt::format("{}/good{}.png", in, i));
  EXPECT_THAT(images().error().message, HasSubstr("but all were left out"));
}

TEST_F(PrepareTest, SaysWhichPicturesDoNotFit) {
  EXPECT_THAT(images().error().message, HasSubstr("expected pictures"));
  EXPECT_FALSE(std::filesystem::exists(out));
  write("test_batch.bin", cifarRecords(0, 2));
  EXPECT_THAT(images().error().message, HasSubstr("found only a test set"));
  write("notes.txt", "not a picture");
  options.inputs = {in + "/notes.txt"};
  EXPECT_THAT(images().error().message, HasSubstr("notes.txt: expected a PNG or JPEG picture"));
  options.inputs = {in + "/none"};
  EXPECT_THAT(images().error().message, HasSubstr("No such file"));
  EXPECT_THAT(images("[2, 2, 4]").error().message, HasSubstr("1 or 3 channels, found [2, 2, 4]"));
  EXPECT_THAT(run({{"data.kind", "smell"}}).error().message, HasSubstr("found 'smell'"));
  write("data_batch_1.bin", cifarRecords(0, 2));
  options.inputs = {in};
  EXPECT_THAT(images("[64, 64, 3]").error().message,
              HasSubstr("data_batch_1.bin: expected a picture of at least 64 x 64"));
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(PrepareTest, ATestSetOfItsOwn) {
  std::filesystem::create_directory(in + "/held");
  for (int i = 0; i < 10; ++i)
    writePicture(fmt::format("sub/{}.png", i), i);
  writePicture("held/a.png", 77);
  options.inputs = {in + "/sub"};
  options.testInputs = {in + "/held"};
  auto prepared = images();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->bytes, (std::array<int64_t, 3>{9 * 12, 12, 12}));
  EXPECT_EQ(bytesOfPart("test"), std::string(12, 77));
}

TEST_F(PrepareTest, SoundsAreDealtOutByFile) {
  // Each of another loudness, by which it is known in the part where it lies.
  for (int i = 0; i < 20; ++i)
    write(fmt::format("{}.{}", i, i % 2 ? "wav" : "flac"),
          i % 2 ? writeWav(1, 16, 4000, 1, level(i)) : writeFlac(4000, 1, level(i)));
  write("sub/c.ogg", writeVorbis(8000, 2, tone(440, 16000, 2 * 2000)));
  write("cover.jpg", "a picture");
  write("song.mp3", "ID3\4");
  auto prepared = audio();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->taken, 21);
  EXPECT_EQ(prepared->foreign, 2);
  EXPECT_EQ(prepared->bytes, (std::array<int64_t, 3>{19000, 1000, 1000}));
  std::set<char> all;
  for (const char *name : {"train", "valid", "test"}) {
    EXPECT_THAT(part(name).shape, SizeIs(1));
    std::string bytes = bytesOfPart(name);
    for (size_t at = 0; at < bytes.size(); at += 1000) {
      EXPECT_LT(std::abs(decodeMuLaw(bytes[at])), 0.7f);
      if (bytes.substr(at, 1000) == std::string(1000, bytes[at]))
        all.insert(bytes[at]);
    }
  }
  EXPECT_THAT(all, SizeIs(20));
}

// What is cut is next to each other, in parts of the sizes that were asked for.
TEST_F(PrepareTest, PartsAreOfTheirSizesWhateverTheFiles) {
  std::string a, b;
  for (int i = 0; i < 20000; ++i) {
    a += fmt::format("{:04}a", i % 10000);
    b += fmt::format("{:04}b", i % 10000);
  }
  write("a", a);
  write("b", b);
  write("c", "0123456789");
  for (options.seed = 0; options.seed < 6; ++options.seed) {
    auto prepared = text("[0.9, 0.05, 0.05]");
    ASSERT_TRUE(prepared) << prepared.error().message;
    EXPECT_EQ(prepared->bytes[0] + prepared->bytes[1] + prepared->bytes[2], 200010);
    EXPECT_NEAR(prepared->bytes[0], 180009, 5000);
    EXPECT_NEAR(prepared->bytes[1], 10000, 2501);
    EXPECT_NEAR(prepared->bytes[2], 10000, 2501);
    std::string all = bytesOfPart("train") + bytesOfPart("valid") + bytesOfPart("test");
    for (const std::string &whole : {a, b, std::string("0123456789")})
      EXPECT_THAT(all, HasSubstr(whole));
  }
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(PrepareTest, ASingleSoundIsCut) {
  write("a.wav", writeWav(1, 16, 4000, 1, tone(440, 4000, 100000)));
  ASSERT_TRUE(audio());
  EXPECT_THAT(part("train").shape, ElementsAre(90000));
  EXPECT_THAT(part("valid").shape, ElementsAre(5000));
  EXPECT_THAT(part("test").shape, ElementsAre(5000));
  std::string all = bytesOfPart("train") + bytesOfPart("valid") + bytesOfPart("test");
  std::vector<float> expected = tone(440, 4000, 100000);
  for (size_t i = 0; i < all.size(); ++i)
    ASSERT_EQ(uint8_t(all[i]), encodeMuLaw(std::lround(expected[i] * 32767) / 32768.0f)) << i;
}

// What was written of a sound before it broke is taken back.
TEST_F(PrepareTest, LeavesOutBrokenSounds) {
  for (int i = 0; i < 4; ++i) {
    std::string flac = writeFlac(4000, 1, tone(440 + i, 4000, 50000));
    write(fmt::format("{}.flac", i), i == 2 ? flac.substr(0, flac.size() * 3 / 4) : flac);
  }
  auto prepared = audio();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->taken, 3);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("2.flac: broken FLAC")));
  EXPECT_EQ(prepared->bytes, (std::array<int64_t, 3>{135000, 7500, 7500}));
}

TEST_F(PrepareTest, WarnsOfOddAndEmptySounds) {
  std::string wav = writeWav(1, 16, 4000, 1, tone(440, 4000, 1000));
  std::string crashed = wav.replace(wav.find("data") + 4, 4, std::string(4, '\0'));
  for (int i = 1; i <= 3; ++i) // no two are equal
    write(fmt::format("{}.wav", i), crashed + std::string(2, static_cast<char>(40 * i)));
  write("4.wav", writeWav(1, 16, 4000, 1, {}));
  auto prepared = audio();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->taken, 3);
  EXPECT_EQ(prepared->leftOut, 1);
  EXPECT_EQ(prepared->bytes[0] + prepared->bytes[1] + prepared->bytes[2], 3 * 1001);
  EXPECT_THAT(warnings,
              UnorderedElementsAre(
                  HasSubstr("1.wav: the size of its data was never put in; all that follows"),
                  HasSubstr("2.wav: the size"), HasSubstr("3.wav: the size"),
                  HasSubstr("4.wav: it is empty; left out")));
}

TEST_F(PrepareTest, NamedFilesMustBeSounds) {
  write("a.txt", "words");
  options.inputs = {in + "/a.txt"};
  EXPECT_THAT(audio().error().message, HasSubstr("a.txt: expected a WAV, FLAC or Ogg Vorbis"));
  options.inputs = {in};
  EXPECT_THAT(audio().error().message, HasSubstr("expected WAV, FLAC or Ogg Vorbis files"));
}

TEST_F(PrepareTest, Text) {
  std::string words;
  for (int i = 0; i < 30000; ++i)
    words += fmt::format("{} ", i);
  write("a", words);
  auto prepared = text();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(bytesOfPart("train") + bytesOfPart("valid") + bytesOfPart("test"), words);
  EXPECT_NEAR(static_cast<double>(prepared->bytes[1]), words.size() * 0.1, 1);
  write("b", "b");
  write("sub/c", "c");
  ASSERT_TRUE(text("[0.9, 0, 0.1]"));
  EXPECT_EQ(bytesOfPart("valid"), "");
  EXPECT_EQ(bytesOfPart("train").size() + bytesOfPart("test").size(), words.size() + 2);
}

// Files that are equal, or the same by another path, are in one part, once.
TEST_F(PrepareTest, TestsOnNothingThatItTrainsOn) {
  namespace fs = std::filesystem;
  for (int i = 0; i < 20; ++i)
    writePicture(fmt::format("p{:02}.png", i), i * 10);
  for (int i = 0; i < 5; ++i)
    writePicture(fmt::format("sub/held{}.png", i), 205 + i * 10);
  auto expectApart = [&](int64_t pictures) {
    auto prepared = images();
    ASSERT_TRUE(prepared) << prepared.error().message;
    EXPECT_EQ(prepared->taken, pictures);
    std::multiset<std::string> records;
    for (const char *name : {"train", "valid", "test"}) {
      std::string bytes = bytesOfPart(name);
      for (size_t at = 0; at < bytes.size(); at += 12)
        records.insert(bytes.substr(at, 12));
    }
    EXPECT_THAT(records, SizeIs(pictures));
    EXPECT_EQ(std::set(records.begin(), records.end()).size(), records.size());
  };
  options.inputs = {in, in, in + "/sub/../sub", in + "/p03.png"};
  expectApart(25);
  EXPECT_THAT(warnings, ElementsAre("31 files that were given more than once are taken once"));
  warnings.clear();
  options.inputs = {in};
  options.testInputs = {in + "/sub"};
  expectApart(25);
  EXPECT_THAT(part("test").shape, ElementsAre(5, 2, 2, 3));
  EXPECT_THAT(warnings,
              ElementsAre("5 files of the test part among the other inputs: left out there"));
  warnings.clear();
  // Links of both kinds, also in a circle, and copies.
  fs::create_directory_symlink(in, in + "/sub/round");
  fs::create_symlink(in + "/p00.png", in + "/sub/link.png");
  fs::create_hard_link(in + "/p01.png", in + "/sub/hard.png");
  fs::create_symlink(in + "/nowhere", in + "/dangling.png");
  fs::copy(in + "/p02.png", in + "/sub/copy.png");
  options.testInputs = {};
  expectApart(25);
  EXPECT_THAT(warnings,
              ElementsAre("2 files that were given more than once are taken once",
                          HasSubstr("equal to another file, as 1 of 26: each content is taken")));
  // The same pixels in another file.
  fs::remove_all(in + "/sub");
  fs::create_directory(in + "/sub");
  write("sub/same.png", assemblePng(4, 4, 8, 0, [] {
          std::string rows;
          for (int y = 0; y < 4; ++y)
            rows += std::string(1, '\0') + std::string(4, 50);
          return rows;
        }()));
  warnings.clear();
  expectApart(20);
  EXPECT_THAT(warnings,
              ElementsAre("1 of 21 pictures are equal to another one: each is taken once"));
}

// A tile that two pictures have is in the part behind.
TEST_F(PrepareTest, NoRecordIsInTwoParts) {
  for (int i = 0; i < 10; ++i) {
    std::vector<uint8_t> pixels(2 * 4 * 3, 255); // the right half is white in all of them
    for (int y = 0; y < 2; ++y)
      for (int x = 0; x < 6; ++x)
        pixels[y * 12 + x] = static_cast<uint8_t>(20 * i);
    write(fmt::format("{}.png", i), writePng(2, 4, 3, pixels));
  }
  options.fit = {PictureFit::Cut, 1};
  auto prepared = images();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->bytes, (std::array<int64_t, 3>{8 * 12, 12, 2 * 12}));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("9 records are left out, because the test or")));
  EXPECT_THAT(bytesOfPart("test"), HasSubstr(std::string(12, '\xff')));
}

TEST_F(PrepareTest, OneSoundInTwoFormatsIsOne) {
  write("a.wav", writeWav(1, 16, 4000, 1, level(1)));
  write("b.flac", writeFlac(4000, 1, level(1)));
  auto prepared = audio();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->bytes[0] + prepared->bytes[1] + prepared->bytes[2], 1000);
  EXPECT_THAT(warnings,
              ElementsAre("1 of 2 files hold what another one holds: each is taken once"));
}

TEST_F(PrepareTest, OverwritesNothingUnasked) {
  write("a", std::string(1000, 'a'));
  options.fresh = false;
  ASSERT_TRUE(text());
  std::string before = bytesOfPart("train");
  write("a", std::string(1000, 'b'));
  EXPECT_EQ(text().error().message,
            out + ": expected a new folder as --out, found the parts of an earlier prepare: choose "
                  "another one, or --fresh to replace them");
  EXPECT_EQ(bytesOfPart("train"), before);
  options.fresh = true;
  ASSERT_TRUE(text());
  EXPECT_NE(bytesOfPart("train"), before);
  for (const char *name : {"train", "valid", "test"})
    std::filesystem::remove(fmt::format("{}/{}.npy", out, name));
  writeFile(out + "/train.npy.tmp123", "of a prepare that was killed");
  ASSERT_TRUE(text());
  std::filesystem::remove_all(out);
  std::filesystem::create_directory(out);
  writeFile(out + "/thesis.txt", "words");
  EXPECT_THAT(text().error().message, HasSubstr("a new folder as --out, found 'thesis.txt' in it"));
  options.out = in + "/a";
  EXPECT_THAT(text().error().message, HasSubstr("expected a folder as --out, found a file"));
}

TEST_F(PrepareTest, WritesNothingAmongItsInputs) {
  write("sub/a", "words");
  std::filesystem::create_directory_symlink(in + "/sub", in + "/link");
  for (const char *inside : {"/prepared", "/sub/deep/er", "/link/new", "/sub/../new"}) {
    options.out = in + inside;
    EXPECT_THAT(text().error().message,
                HasSubstr("expected a folder outside of the inputs as --out, found it inside of"));
    EXPECT_FALSE(std::filesystem::exists(in + "/prepared"));
  }
}

TEST_F(PrepareTest, SaysWhichPartIsShorterThanAWindow) {
  auto context = [&](const std::string &bytes, const std::string &split = "[0.9, 0.05, 0.05]") {
    write("a", bytes);
    warnings.clear();
    return run({{"data.kind", "text"}, {"data.context", "64"}, {"data.split", split}});
  };
  ASSERT_TRUE(context(std::string(1000, 'a')));
  EXPECT_THAT(warnings,
              ElementsAre(HasSubstr("/valid.npy: 50 bytes are less than one window of 64, so that "
                                    "nothing can be evaluated with it: give more data"),
                          HasSubstr("/test.npy: 50 bytes")));
  ASSERT_TRUE(context(std::string(64, 'a'), "[1, 0, 0]"));
  EXPECT_THAT(warnings, IsEmpty());
  EXPECT_THAT(context(std::string(63, 'a'), "[1, 0, 0]").error().message,
              HasSubstr("expected at least 64 bytes (one window) to train on, found 63"));
  EXPECT_THAT(context("").error().message, HasSubstr("expected files of text to train on"));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("a: it is empty; left out")));
}

TEST_F(PrepareTest, TakesNoOtherFormatForText) {
  write("a.txt", "words, words, words");
  write("b.gz", "\x1f\x8b\x08 and so on");
  write("c.gz", "\x1f\x8b\x08 and more");
  write("d.wav", writeWav(1, 16, 4000, 1, level(1)));
  auto prepared = text();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->taken, 1);
  EXPECT_EQ(prepared->foreign, 3);
  EXPECT_EQ(prepared->foreignKinds,
            (std::map<std::string, int64_t>{{"a WAV sound", 1}, {"a gzip archive", 2}}));
  options.inputs = {in + "/b.gz"};
  EXPECT_THAT(text().error().message,
              HasSubstr("b.gz: expected a file of text, found a gzip archive: unpack it first; "
                        "stc-run prepare --raw takes any file's bytes as they are"));
  options.raw = true;
  ASSERT_TRUE(text());
  EXPECT_THAT(bytesOfPart("train") + bytesOfPart("valid") + bytesOfPart("test"),
              "\x1f\x8b\x08 and so on");
  EXPECT_THAT(audio().error().message, HasSubstr("expected a program of text for --raw"));
}

} // namespace
} // namespace stc::runtime::test

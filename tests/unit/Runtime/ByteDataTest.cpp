//===- ByteDataTest.cpp - windows, splits, shuffling ----------------------------------------===//
#include "runtime/Data/ByteData.h"
#include "runtime/Data/NpyFile.h"
#include "runtime/Data/Permutation.h"
#include "tests/unit/Runtime/DataFiles.h"
#include "tests/unit/Runtime/MockModel.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sys/stat.h>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;

TEST(Permutation, IsOne) {
  for (uint64_t size : {1, 2, 3, 4, 5, 16, 17, 100, 1000, 4097})
    for (uint64_t epoch : {0, 1}) {
      Permutation permutation(size, 42, epoch);
      std::set<uint64_t> seen;
      for (uint64_t i = 0; i < size; ++i) {
        uint64_t image = permutation(i);
        EXPECT_LT(image, size);
        seen.insert(image);
      }
      EXPECT_EQ(seen.size(), size);
    }
}

TEST(Permutation, Shuffles) {
  constexpr uint64_t size = 10000;
  Permutation first(size, 1, 0), again(size, 1, 0), epoch(size, 1, 1), seed(size, 2, 0);
  int fixed = 0, sameEpoch = 0, sameSeed = 0, ascending = 0;
  for (uint64_t i = 0; i < size; ++i) {
    EXPECT_EQ(first(i), again(i));
    fixed += first(i) == i;
    sameEpoch += first(i) == epoch(i);
    sameSeed += first(i) == seed(i);
    ascending += i > 0 && first(i) > first(i - 1);
  }
  // Each count is about 1 where chance is 1 in 10000.
  EXPECT_LT(fixed, 12);
  EXPECT_LT(sameEpoch, 12);
  EXPECT_LT(sameSeed, 12);
  EXPECT_NEAR(ascending, size / 2, 300);
}

class ByteDataTest : public testing::Test {
protected:
  ByteDataTest()
      : file(ProgramFile::open(mockModel().write("m.stcp"))), settings(file->program()) {}

  Result<ByteData> open(int64_t bytes, Part part, int64_t window) {
    std::string contents;
    for (int64_t i = 0; i < bytes; ++i)
      contents += static_cast<char>(i * 7 % 251);
    writeFile(path, contents);
    return ByteData::open(path, part, settings, window);
  }

  std::string path = temporaryPath("data");
  Result<ProgramFile> file;
  Settings settings;
};

TEST_F(ByteDataTest, ChecksumOfAPart) {
  auto checksum = [&](Part part) { return ByteData::open(path, part, settings, 10)->checksum(); };
  ASSERT_TRUE(open(200'000, Part::All, 10));
  std::string contents = readFile(path);
  uint64_t all = *checksum(Part::All), train = *checksum(Part::Train);
  EXPECT_NE(all, train);
  // Bytes of blocks' ends, of the training part's, and of all.
  for (size_t place : {0, 65535, 65536, 131072, 179'999, 180'000, 199'999}) {
    std::string other = contents;
    other[place] ^= 1;
    writeFile(path, other);
    EXPECT_NE(*checksum(Part::All), all) << place;
    EXPECT_EQ(*checksum(Part::Train) == train, place >= 180'000) << place;
  }
  writeFile(path, contents);
  EXPECT_EQ(*checksum(Part::All), all);
}

// Of a large file only blocks are read; it has holes, and takes no room.
TEST_F(ByteDataTest, ChecksumOfALargePart) {
  constexpr int64_t size = (300 << 20) + 123;
  auto with = [&](int64_t bytes, int64_t place) {
    writeFile(path, "");
    std::filesystem::resize_file(path, bytes);
    if (place >= 0) {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(place);
      file.put(1);
    }
    return *ByteData::open(path, Part::All, settings, 10)->checksum();
  };
  std::set<uint64_t> sums = {with(size, -1), with(size + 1, -1), with(size, 0),
                             with(size, size - 1), with(size, 200)};
  EXPECT_EQ(sums.size(), 5u);
}

TEST_F(ByteDataTest, TokensAreTheBytesBefore) {
  auto data = open(100, Part::All, 10);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->windows(), 10);
  std::vector<int32_t> tokens(10), targets(10);
  ASSERT_TRUE(data->read(3, tokens, targets));
  EXPECT_EQ(tokens[0], 256);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(targets[i], (30 + i) * 7 % 251);
    if (i > 0)
      EXPECT_EQ(tokens[i], targets[i - 1]);
  }
}

TEST_F(ByteDataTest, ReadsFromAnyByteOfThePart) {
  auto data = open(1000, Part::Valid, 10); // bytes 900 to 949
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->bytes(), 50);
  std::vector<int32_t> tokens(10), targets(10);
  for (int64_t start : {0, 7, 40}) {
    ASSERT_TRUE(data->readFrom(start, tokens, targets));
    EXPECT_EQ(tokens[0], 256);
    EXPECT_EQ(targets[0], (900 + start) * 7 % 251);
    EXPECT_EQ(targets[9], (909 + start) * 7 % 251);
  }
  EXPECT_THAT(
      data->readFrom(41, tokens, targets).error().message,
      HasSubstr("expected a window of 10 bytes inside the 50 of this part, found one at 41"));
  EXPECT_FALSE(data->readFrom(-1, tokens, targets));
}

// For a model of 128 symbols.
class SmallVocabularyTest : public testing::Test {
protected:
  SmallVocabularyTest() {
    ProgramSpec spec = mockModel();
    spec.settings.emplace_back("model.vocabulary", "128");
    file = ProgramFile::open(spec.write("small.stcp"));
  }
  Result<ByteData> open(const std::string &contents, Part part, int64_t window) {
    writeFile(path, contents);
    return ByteData::open(path, part, Settings(file->program()), window);
  }
  std::string refusal(int byte, int64_t offset) const {
    return fmt::format(
        "{}: expected bytes below the model's vocabulary of 128, found {} at offset {}", path, byte,
        offset);
  }

  std::string path = temporaryPath("data");
  Result<ProgramFile> file = fail("");
};

TEST_F(SmallVocabularyTest, RefusesBytesOutsideIt) {
  std::string good(40, 'a'), high = good;
  high[36] = '\x7f';
  EXPECT_TRUE(open(high, Part::All, 10));
  high[36] = '\x80';
  EXPECT_EQ(open(high, Part::All, 10).error().message, refusal(128, 36));
  EXPECT_TRUE(open(high, Part::Train, 10)); // bytes 0 to 35
  std::string array = npyStart("(4, 10)") + good;
  array[array.size() - 2] = '\xc8';
  EXPECT_EQ(open(array, Part::All, 10).error().message,
            refusal(200, static_cast<int64_t>(array.size()) - 2));
}

TEST_F(SmallVocabularyTest, TheStartSymbolIsBehindIt) {
  auto data = open(std::string(20, 'a'), Part::All, 10);
  ASSERT_TRUE(data) << data.error().message;
  std::vector<int32_t> tokens(10), targets(10);
  ASSERT_TRUE(data->read(1, tokens, targets));
  EXPECT_EQ(tokens[0], 128);
}

// A large file is not read as a whole when it is opened; it is checked as it is read.
TEST_F(SmallVocabularyTest, RefusesAWindowWhenItIsRead) {
  writeFile(path, std::string(20, 'a') + "\xc8");
  std::filesystem::resize_file(path, int64_t(1) << 30); // a hole: no disk
  auto data = ByteData::open(path, Part::All, Settings(file->program()), 10);
  ASSERT_TRUE(data) << data.error().message;
  std::vector<int32_t> tokens(10), targets(10);
  EXPECT_TRUE(data->read(1, tokens, targets));
  EXPECT_EQ(data->read(2, tokens, targets).error().message, refusal(200, 20));
}

TEST_F(ByteDataTest, PartsFollowEachOther) {
  std::vector<int32_t> tokens(10), targets(10);
  struct Case {
    Part part;
    int64_t windows, first;
  };
  for (const Case &c : {Case{Part::Train, 90, 0}, Case{Part::Valid, 5, 900},
                        Case{Part::Test, 5, 950}, Case{Part::All, 100, 0}}) {
    auto data = open(1000, c.part, 10);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->windows(), c.windows);
    ASSERT_TRUE(data->read(0, tokens, targets));
    EXPECT_EQ(targets[0], c.first * 7 % 251);
  }
}

// Each epoch visits its windows once, all inside the data, at an offset of its own.
TEST_F(ByteDataTest, ShufflesWithoutRepeats) {
  for (int64_t bytes : {10, 11, 19, 20, 25, 100, 1003}) {
    auto data = open(bytes, Part::All, 10);
    ASSERT_TRUE(data) << data.error().message;
    int64_t count = data->windowsPerEpoch();
    EXPECT_GE(count, std::max<int64_t>(1, bytes / 10 - 1));
    std::set<int64_t> offsets;
    for (int64_t epoch = 0; epoch < 40; ++epoch) {
      std::set<int64_t> starts;
      for (int64_t i = 0; i < count; ++i) {
        int64_t start = data->shuffledStart(epoch * count + i, 9);
        EXPECT_GE(start, 0);
        EXPECT_LE(start + 10, bytes);
        starts.insert(start);
      }
      EXPECT_EQ(static_cast<int64_t>(starts.size()), count);
      EXPECT_EQ((*starts.rbegin() - *starts.begin()) % 10, 0);
      offsets.insert(*starts.begin() % 10);
    }
    if (bytes >= 19)
      EXPECT_GT(offsets.size(), 6u) << bytes;
  }
}

TEST_F(ByteDataTest, SaysWhatDoesNotFit) {
  EXPECT_THAT(
      open(9, Part::All, 10).error().message,
      HasSubstr("expected at least 10 bytes (one window) in this part of the file, found 9"));
  EXPECT_THAT(open(100, Part::Valid, 10).error().message, HasSubstr("found 5"));
  std::string parts = temporaryPath("odd-parts");
  std::filesystem::create_directories(parts + "/train.npy");
  EXPECT_THAT(ByteData::open(parts, Part::Train, settings, 1).error().message,
              HasSubstr("expected a file, found a folder"));
  EXPECT_THAT(ByteData::open(temporaryPath("none"), Part::All, settings, 1).error().message,
              HasSubstr("No such file"));
  std::string wav = temporaryPath("tone");
  writeFile(wav, "RIFF....WAVEfmt ");
  EXPECT_THAT(ByteData::open(wav, Part::All, settings, 1).error().message,
              HasSubstr("expected plain bytes or a .npy array, found a WAV sound: stc-run prepare "
                        "reads WAV, FLAC and Ogg Vorbis for a model of audio; stc-run prepare "
                        "--raw takes any file's bytes as they are"));
  std::string pipe = temporaryPath("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(ByteData::open(pipe, Part::All, settings, 1).error().message,
              HasSubstr("expected a file, found a pipe"));

  ProgramSpec spec = mockModel();
  spec.settings.push_back({"data.split", "[0.99, 0.05, 0.05]"});
  auto other = ProgramFile::open(spec.write("other.stcp"));
  Settings tooMuch(other->program());
  EXPECT_THAT(ByteData::open(path, Part::Test, tooMuch, 1).error().message,
              HasSubstr("expected three fractions of 1 in all"));
}

TEST_F(ByteDataTest, AnArrayOfOneDimensionIsAStream) {
  std::vector<std::byte> bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = std::byte(i % 251);
  const int64_t shape[] = {1000};
  ASSERT_TRUE(writeNpy(path, DType::U8, shape, bytes));
  auto data = ByteData::open(path, Part::Valid, settings, 10);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->windows(), 5);
  EXPECT_EQ(data->windowsPerEpoch(), 4);
  std::vector<int32_t> tokens(10), targets(10);
  ASSERT_TRUE(data->read(0, tokens, targets));
  EXPECT_EQ(targets[0], 900 % 251);
}

// Windows are the records, whole, and each once in an epoch; fractions are rounded to records.
TEST_F(ByteDataTest, ArraysOfMoreDimensionsAreRecords) {
  std::vector<std::byte> bytes(41 * 12);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = std::byte(i / 12);
  const int64_t shape[] = {41, 2, 2, 3};
  ASSERT_TRUE(writeNpy(path, DType::U8, shape, bytes));
  std::vector<int32_t> tokens(12), targets(12);
  struct Case {
    Part part;
    int first, end;
  };
  for (const Case &c : {Case{Part::Train, 0, 37}, Case{Part::Valid, 37, 39},
                        Case{Part::Test, 39, 41}, Case{Part::All, 0, 41}}) {
    auto data = ByteData::open(path, c.part, settings, 12);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->windows(), c.end - c.first);
    EXPECT_EQ(data->windowsPerEpoch(), c.end - c.first);
    for (int epoch = 0; epoch < 3; ++epoch) {
      std::set<int> seen;
      for (int i = 0; i < data->windowsPerEpoch(); ++i) {
        ASSERT_TRUE(data->readShuffled(epoch * data->windowsPerEpoch() + i, 5, tokens, targets));
        EXPECT_EQ(targets, std::vector<int32_t>(12, targets[0]));
        seen.insert(targets[0]);
      }
      EXPECT_EQ(static_cast<int>(seen.size()), c.end - c.first);
      EXPECT_EQ(*seen.begin(), c.first);
    }
  }
}

TEST_F(ByteDataTest, SaysWhichArraysDoNotFit) {
  auto errorOf = [&](DType dtype, std::vector<int64_t> shape, size_t bytes, Part part = Part::All) {
    EXPECT_TRUE(writeNpy(path, dtype, shape, std::vector<std::byte>(bytes)));
    auto data = ByteData::open(path, part, settings, 12);
    return data ? "" : data.error().message;
  };
  EXPECT_THAT(errorOf(DType::U8, {2, 2, 2, 4}, 32),
              HasSubstr("expected records of 12 bytes, the model's context, found 2 x 2 x 4 = 16"));
  EXPECT_THAT(errorOf(DType::F32, {12}, 48), HasSubstr("expected an array of u8"));
  EXPECT_THAT(errorOf(DType::U8, {}, 1), HasSubstr("at least one dimension, found u8[]"));
  EXPECT_THAT(errorOf(DType::U8, {11}, 11), HasSubstr("expected at least 12 bytes"));
  EXPECT_THAT(errorOf(DType::U8, {0, 12}, 0), HasSubstr("expected at least one record"));
  EXPECT_THAT(errorOf(DType::U8, {3, 12}, 36, Part::Test), HasSubstr("at least one record"));
  EXPECT_THAT(errorOf(DType::U8, {3, 12}, 35), HasSubstr("expected 36 bytes of u8[3, 12]"));
  writeFile(path, "\x93NUMPY\1");
  EXPECT_THAT(ByteData::open(path, Part::All, settings, 1).error().message,
              HasSubstr("expected a .npy file"));
}

TEST_F(ByteDataTest, AFolderHasAFileForEachPart) {
  std::string folder = temporaryPath("parts");
  std::filesystem::create_directory(folder);
  auto write = [&](const char *name, uint8_t value) {
    auto writer = NpyWriter::create(folder + name, {2, 5});
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->write(std::vector<uint8_t>(30, value)));
    ASSERT_TRUE(writer->cutTo(20));
    ASSERT_TRUE(writer->write(std::vector<uint8_t>(value * 10, value)));
    ASSERT_TRUE(writer->commit());
  };
  write("/train.npy", 1);
  write("/valid.npy", 2);
  std::vector<int32_t> tokens(10), targets(10);
  for (Part part : {Part::Train, Part::Valid}) {
    auto data = ByteData::open(folder, part, settings, 10);
    ASSERT_TRUE(data) << data.error().message;
    int value = int(part) + 1;
    EXPECT_EQ(data->windows(), 2 + value);
    ASSERT_TRUE(data->read(2, tokens, targets));
    EXPECT_EQ(targets[0], value);
  }
  EXPECT_THAT(ByteData::open(folder, Part::Test, settings, 10).error().message,
              HasSubstr("expected a folder that stc-run prepare wrote, found no test.npy"));
  EXPECT_THAT(ByteData::open(folder, Part::All, settings, 10).error().message,
              HasSubstr("expected one part of a folder (train, valid or test), found all"));
}

TEST_F(ByteDataTest, AFileThatShrinksIsAnError) {
  auto data = open(100, Part::All, 10);
  ASSERT_TRUE(data);
  std::filesystem::resize_file(path, 35);
  std::vector<int32_t> tokens(10), targets(10);
  EXPECT_TRUE(data->read(2, tokens, targets));
  auto read = data->read(3, tokens, targets);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::Io);
  EXPECT_THAT(read.error().message, HasSubstr("the file has shrunk"));
}

} // namespace
} // namespace stc::runtime::test

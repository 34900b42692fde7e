//===- ByteDataTest.cpp - windows, splits, shuffling ----------------------------------------===//
#include "runtime/Data/ByteData.h"
#include "runtime/Data/Permutation.h"
#include "tests/unit/Runtime/MockModel.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

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

TEST_F(ByteDataTest, TokensAreTheBytesBefore) {
  auto data = open(100, Part::All, 10);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->windows(), 10);
  std::vector<int32_t> tokens(10), targets(10);
  ASSERT_TRUE(data->read(3, tokens, targets));
  EXPECT_EQ(tokens[0], startSymbol);
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
    EXPECT_EQ(tokens[0], startSymbol);
    EXPECT_EQ(targets[0], (900 + start) * 7 % 251);
    EXPECT_EQ(targets[9], (909 + start) * 7 % 251);
  }
  EXPECT_THAT(data->readFrom(41, tokens, targets).error().message,
              HasSubstr("expected a window of 10 bytes inside the 50 of this part, got one at 41"));
  EXPECT_FALSE(data->readFrom(-1, tokens, targets));
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
  EXPECT_THAT(ByteData::open(temporaryPath(""), Part::All, settings, 1).error().message,
              HasSubstr("expected a file"));
  EXPECT_THAT(ByteData::open(temporaryPath("none"), Part::All, settings, 1).error().message,
              HasSubstr("No such file"));

  ProgramSpec spec = mockModel();
  spec.settings.push_back({"data.split", "[0.99, 0.05, 0.05]"});
  auto other = ProgramFile::open(spec.write("other.stcp"));
  Settings tooMuch(other->program());
  EXPECT_THAT(ByteData::open(path, Part::Test, tooMuch, 1).error().message,
              HasSubstr("expected three fractions of 1 in all"));
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

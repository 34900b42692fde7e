//===- SplitTest.cpp - cutting numbers into three parts -------------------------------------===//
#include "runtime/Data/Split.h"
#include "tests/unit/Runtime/MockModel.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int64_t> sizes(const Split &split) {
  return {split.size(Part::Train), split.size(Part::Valid), split.size(Part::Test)};
}

TEST(Split, PartsFollowEachOther) {
  Split split({0.9, 0.05, 0.05}, 1000);
  EXPECT_THAT(sizes(split), ElementsAre(900, 50, 50));
  EXPECT_EQ(split.first(Part::Test), 950);
  EXPECT_EQ(split.size(Part::All), 1000);
  EXPECT_THAT(sizes(Split({0.5, 0.25, 0}, 8)), ElementsAre(4, 2, 0));
  // models/cifar10.toml: the paper's numbers from rounded fractions.
  EXPECT_THAT(sizes(Split({0.8, 0.0333333, 0.1666667}, 60000)), ElementsAre(48000, 2000, 10000));
}

TEST(Split, LeavesNoneEmpty) {
  auto sizesOf = [](std::array<double, 3> fractions, int64_t count) {
    Split split(fractions, count);
    EXPECT_TRUE(split.leaveNoneEmpty());
    return sizes(split);
  };
  EXPECT_THAT(sizesOf({0.9, 0.05, 0.05}, 3), ElementsAre(1, 1, 1));
  EXPECT_THAT(sizesOf({0.9, 0.05, 0.05}, 5), ElementsAre(3, 1, 1));
  EXPECT_THAT(sizesOf({0.9, 0.05, 0.05}, 100), ElementsAre(90, 5, 5));
  EXPECT_THAT(sizesOf({0.05, 0.05, 0.9}, 4), ElementsAre(1, 1, 2));
  EXPECT_THAT(sizesOf({0.9, 0, 0.1}, 2), ElementsAre(1, 0, 1));
  EXPECT_THAT(sizesOf({0.9, 0.1, 0}, 4), ElementsAre(3, 1, 0));
  EXPECT_FALSE(Split({0.9, 0.05, 0.05}, 2).leaveNoneEmpty());
}

TEST(Split, ReadsTheProgramsFractions) {
  auto read = [](const char *value) {
    ProgramSpec spec = mockModel();
    if (value)
      spec.settings.push_back({"data.split", value});
    auto file = ProgramFile::open(spec.write("split.stcp"));
    auto fractions = splitFractions(Settings(file->program()));
    return fractions ? fmt::format("{}", fmt::join(*fractions, " ")) : fractions.error().message;
  };
  EXPECT_EQ(read(nullptr), "0.9 0.05 0.05");
  EXPECT_EQ(read("[0.5, 0.25, 0.125]"), "0.5 0.25 0.125");
  for (const char *wrong : {"[]", "[1, 0]", "[0.9, 0.2, 0.1]", "[1.1, -0.1, 0]", "[nan, 0, 0]"})
    EXPECT_THAT(read(wrong), HasSubstr("expected three fractions of 1 in all")) << wrong;
}

} // namespace
} // namespace stc::runtime::test

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

std::vector<int64_t> snapped(const std::array<double, 3> &fractions,
                             const std::vector<int64_t> &edges) {
  Split split(fractions, edges.back());
  split.snapTo(edges);
  return sizes(split);
}

TEST(Split, SnapsToEdgesThatAreNear) {
  EXPECT_THAT(snapped({0.8, 0.1, 0.1}, {790, 902, 1000}), ElementsAre(790, 112, 98));
  EXPECT_THAT(snapped({0.8, 0.1, 0.1}, {774, 926, 1000}), ElementsAre(800, 100, 100)); // 26 away
  EXPECT_THAT(snapped({0.8, 0.1, 0.1}, {1000}), ElementsAre(800, 100, 100));
  EXPECT_THAT(snapped({0.8, 0, 0.2}, {780, 1000}), ElementsAre(780, 0, 220));
  EXPECT_THAT(snapped({1, 0, 0}, {500, 1000}), ElementsAre(1000, 0, 0));
  EXPECT_THAT(snapped({0.5, 0.1, 0.1}, {500, 590, 710, 1000}), ElementsAre(500, 90, 120));
}

TEST(Split, CountsThingsOfSeveralBytes) {
  Split split({0.5, 0.25, 0.25}, 4);
  split.toEdges(std::vector<int64_t>{10, 30, 60, 100});
  EXPECT_THAT(sizes(split), ElementsAre(30, 30, 40));
  EXPECT_EQ(split.size(Part::All), 100);
}

} // namespace
} // namespace stc::runtime::test

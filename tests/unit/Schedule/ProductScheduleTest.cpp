//===- ProductScheduleTest.cpp - products of few rows ---------------------===//
#include "compiler/Schedule/ProductSchedule.h"

#include <gtest/gtest.h>

using namespace stc;

namespace {
TEST(ProductSchedule, BlocksAreWideWhereThereAreEnough) {
  struct Row {
    int64_t m, n;
    ProductSchedule expected; // columns, slices, items
  };
  for (const Row &row :
       {Row{64, 512, {16, 32, 128}}, Row{64, 256, {8, 32, 128}}, Row{1, 4096, {32, 128, 128}},
        Row{128, 512, {32, 16, 128}}, Row{17, 100, {8, 13, 26}}, Row{16, 1, {8, 1, 1}}})
    EXPECT_EQ(chooseProductSchedule(row.m, row.n), row.expected) << row.m << " x " << row.n;
}

TEST(ProductSchedule, FewRowsReadTheirWeightsFewTimes) {
  EXPECT_TRUE(isProductOfFewRows(64, 512, 256));
  EXPECT_TRUE(isProductOfFewRows(128, 512, 512));
  EXPECT_FALSE(isProductOfFewRows(129, 512, 256));
  EXPECT_TRUE(isProductOfFewRows(64, 4096, 1024));
  EXPECT_FALSE(isProductOfFewRows(65, 4096, 1024));
  EXPECT_TRUE(isProductOfFewRows(16, 65536, 4096)); // once
}
} // namespace

//===- WgmmaScheduleTest.cpp - tiles on sm_90a for some shapes -----------===//
#include "compiler/Schedule/WgmmaSchedule.h"

#include <gtest/gtest.h>

using namespace stc;

namespace {
TEST(WgmmaSchedule, KeyTilesAreWholeBlocksOfAllViews) {
  struct Row {
    std::vector<int64_t> widths;
    std::optional<int64_t> keyRows;
  };
  for (const Row &row :
       {Row{{1}, 128}, Row{{1, 32}, 128}, Row{{3}, 96}, Row{{7}, 112}, Row{{5}, 80},
        Row{{256}, 128}, Row{{200}, std::nullopt}, Row{{3, 7}, std::nullopt}}) {
    auto schedule = chooseWgmmaSchedule({64, 64, 128, row.widths});
    EXPECT_EQ(schedule.has_value(), row.keyRows.has_value()) << row.widths[0];
    if (schedule && row.keyRows)
      EXPECT_EQ(schedule->keyRows, *row.keyRows);
  }
}

TEST(WgmmaKeyGradSchedule, QueryTilesFitRegistersAndViews) {
  struct Row {
    WgmmaKeyGradShape shape;
    std::optional<int64_t> queryRows;
    int64_t stages = 3, itemStages = 2, blocks = 1;
  };
  for (const Row &row :
       {Row{{64, 64, 128, {1}, false}, 128}, Row{{32, 64, 128, {1, 32}, false}, 128},
        Row{{128, 128, 128, {1}, false}, 64}, Row{{64, 96, 128, {1}, false}, 64},
        Row{{64, 64, 64, {1}, false}, 64, 2, 2, 2}, Row{{64, 64, 128, {192}, false}, 96},
        Row{{64, 64, 128, {3}, false}, 96}, Row{{64, 64, 128, {7}, false}, 112},
        Row{{64, 64, 128, {200}, false}, std::nullopt}, Row{{64, 64, 192, {1}, false}, 64},
        Row{{128, 128, 64, {48}, false}, 48, 2, 2, 2}, Row{{128, 128, 64, {1}, false}, 64},
        Row{{64, 64, 128, {3}, true}, std::nullopt}, Row{{64, 64, 128, {192}, true}, 64, 2, 2},
        Row{{64, 64, 128, {1}, true}, 128, 2, 2}, Row{{128, 128, 128, {1}, true}, 64, 2, 1}}) {
    auto schedule = chooseWgmmaKeyGradSchedule(row.shape);
    ASSERT_EQ(schedule.has_value(), row.queryRows.has_value());
    if (!schedule)
      continue;
    EXPECT_EQ(schedule->queryRows, *row.queryRows);
    EXPECT_EQ(schedule->keyRows(), row.shape.keyRows);
    EXPECT_EQ(schedule->stages, row.stages);
    EXPECT_EQ(schedule->itemStages, row.itemStages);
    EXPECT_EQ(schedule->blocks, row.blocks);
  }
}

TEST(WgmmaQueryGradSchedule, KeyTilesLeaveRegistersForTwo) {
  struct Row {
    WgmmaShape shape;
    std::optional<int64_t> keyRows;
    int64_t stages = 4, blocks = 1;
  };
  for (const Row &row : {Row{{64, 64, 128, {1}}, 64}, Row{{128, 128, 128, {1, 32}}, 64, 3},
                         Row{{64, 64, 64, {3}}, 48, 2, 2}, Row{{128, 128, 64, {48}}, 48, 2, 2},
                         Row{{64, 64, 128, {7}}, std::nullopt}}) {
    auto schedule = chooseWgmmaQueryGradSchedule(row.shape);
    ASSERT_EQ(schedule.has_value(), row.keyRows.has_value());
    if (!schedule)
      continue;
    EXPECT_EQ(schedule->keyRows, *row.keyRows);
    EXPECT_EQ(schedule->queryRows(), row.shape.queryRows);
    EXPECT_EQ(schedule->stages, row.stages);
    EXPECT_EQ(schedule->blocks, row.blocks);
  }
}

TEST(WgmmaSchedule, ItemsOverlapWhereRegistersAllow) {
  auto overlaps = [](int64_t queryRows, int64_t keyWidth, int64_t valueSize) {
    return chooseWgmmaSchedule({64, valueSize, queryRows, {keyWidth}})->overlapsItems(valueSize);
  };
  EXPECT_TRUE(overlaps(128, 1, 64));
  EXPECT_TRUE(overlaps(64, 48, 128));
  EXPECT_FALSE(overlaps(64, 1, 128));
  EXPECT_FALSE(overlaps(128, 1, 128));
}

TEST(WgmmaSchedule, WideHeadsLeaveNoRegistersForTallTiles) {
  EXPECT_EQ(wgmmaTallKeyRows(64, 64), 192);
  EXPECT_EQ(wgmmaTallKeyRows(64, 128), 0);
}

TEST(WgmmaSchedule, LongRowsOfQueriesAreSummed) {
  struct Row {
    QuerySumWork work;
    bool sums;
  };
  for (const Row &row : {Row{{64, 64, 128, 0}, false}, Row{{64, 64, 1664, 1}, true},
                         Row{{64, 64, 1664, 2}, false}, Row{{128, 128, 2240, 1}, false},
                         Row{{128, 128, 8192, 1}, true}, Row{{64, 128, 2240, 1}, false}})
    EXPECT_EQ(wgmmaSumsQueries(row.work), row.sums) << row.work.keysPerQuery;
}

TEST(WgmmaSchedule, TilesAreWholeWarpgroups) {
  for (int64_t rows : {16, 32, 48, 64, 96, 128, 160, 192}) {
    const bool isWhole = rows % 64 == 0;
    EXPECT_EQ(chooseWgmmaSchedule({64, 64, rows, {1}}).has_value(), isWhole) << rows;
    EXPECT_EQ(chooseWgmmaQueryGradSchedule({64, 64, rows, {1}}).has_value(), isWhole) << rows;
    for (bool sums : {false, true})
      EXPECT_EQ(chooseWgmmaKeyGradSchedule({64, 64, rows, {1}, sums}).has_value(), isWhole) << rows;
  }
}

TEST(WgmmaSchedule, RegistersFitTheMultiprocessor) {
  auto check = [](const auto &schedule) {
    EXPECT_LE(128 * (schedule.groups * schedule.computeRegisters() + schedule.copyRegisters()),
              65536 / schedule.blocks);
    EXPECT_EQ(schedule.computeRegisters() % 8, 0);
    EXPECT_EQ(schedule.copyRegisters() % 8, 0);
  };
  for (Warpgroups groups : {Warpgroups{1, 1}, {1, 2}, {2, 1}, {3, 1}}) {
    check(groups);
    check(WgmmaKeyGradSchedule{groups});
  }
}

TEST(WgmmaSchedule, ShortViewsTakeShortTiles) {
  auto rows = [](const char *pattern, int64_t n) {
    return chooseQueryTiles(pattern::Pattern::parse(pattern, n)->walks().front(), n).rows;
  };
  EXPECT_EQ(rows("dense", 4096), 128);
  EXPECT_EQ(rows("dense", 64), 64);
  EXPECT_EQ(rows("stride(128)", 4096), 64);
}
} // namespace

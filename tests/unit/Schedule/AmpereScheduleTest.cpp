//===- AmpereScheduleTest.cpp - tiles by mma.sync for some shapes ---------===//
#include "compiler/Schedule/AmpereSchedule.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace stc;

namespace {
TEST(AmpereSchedule, TilesOfKeysFitSharedMemory) {
  struct Row {
    AmpereShape shape;
    AmpereSchedule expected; // warps, parts, keys, stages, blocks
  };
  for (const Row &row :
       {Row{{64, 64, 128}, {4, 2, 64, 2, 2}}, Row{{64, 64, 64}, {4, 1, 64, 2, 3}},
        Row{{1, 128, 128}, {4, 2, 64, 2, 2}}, Row{{128, 128, 64}, {4, 1, 64, 2, 2}},
        Row{{128, 128, 128}, {4, 2, 32, 2, 2}},
        Row{{128, 128, 128, hopperSharedBytes}, {4, 2, 64, 2, 2}},
        Row{{64, 64, 64, ampereSharedBytes, 4}, {4, 1, 32, 2, 2}},
        Row{{128, 128, 64, ampereSharedBytes, 4}, {4, 1, 32, 2, 2}},
        Row{{128, 128, 128, hopperSharedBytes, 4}, {8, 1, 32, 2, 1}}}) {
    auto found = chooseAmpereSchedule(row.shape);
    EXPECT_EQ(found, row.expected) << row.shape.querySize << " " << row.shape.valueSize << " "
                                   << row.shape.rows << ": " << found.keyRows;
    EXPECT_EQ(found.queryRows(), row.shape.rows);
  }
}

TEST(AmpereGradSchedule, TilesOfQueriesFitSharedMemory) {
  struct Row {
    AmpereShape shape;
    AmpereGradSchedule expected; // warps, parts, queries, those at once, blocks
  };
  for (const Row &row :
       {Row{{64, 64, 64}, {4, 1, 64, 32, 3}}, Row{{64, 64, 128}, {4, 2, 32, 32, 2}},
        Row{{16, 16, 128}, {4, 2, 64, 32, 2}}, Row{{128, 128, 64}, {4, 1, 32, 32, 2}},
        Row{{128, 128, 128}, {8, 1, 16, 16, 1}},
        Row{{128, 128, 128, hopperSharedBytes}, {8, 1, 64, 32, 1}},
        Row{{64, 64, 64, ampereSharedBytes, 4}, {4, 1, 32, 16, 2}},
        Row{{128, 128, 32, ampereSharedBytes, 4}, {2, 1, 16, 16, 2}},
        Row{{64, 64, 64, hopperSharedBytes, 4}, {4, 1, 32, 16, 2}},
        Row{{128, 128, 128, hopperSharedBytes, 4}, {8, 1, 16, 16, 1}}}) {
    auto found = chooseAmpereGradSchedule(row.shape);
    EXPECT_EQ(found, row.expected) << row.shape.querySize << " " << row.shape.rows << ": "
                                   << found.queryRows << " " << found.blocks;
    EXPECT_EQ(found.keyRows(), row.shape.rows);
  }
}

// Tiles stay shorter where those that pass by would find no room.
TEST(AmpereSchedule, MostRows) {
  for (int64_t bytes : {ampereSharedBytes, hopperSharedBytes}) {
    EXPECT_EQ(ampereMostQueries({128, 128, 128, bytes}), 128);
    EXPECT_EQ(ampereMostKeys({128, 128, 128, bytes}), 128);
    EXPECT_EQ(ampereMostQueries({64, 64, 128, bytes, 4}), 64);
    EXPECT_EQ(ampereMostKeys({64, 64, 128, bytes, 4}), 64);
  }
  EXPECT_EQ(ampereMostQueries({128, 128, 128, ampereSharedBytes, 4}), 64);
  EXPECT_EQ(ampereMostKeys({128, 128, 128, ampereSharedBytes, 4}), 32);
  EXPECT_EQ(ampereMostQueries({128, 128, 128, hopperSharedBytes, 4}), 128);
  EXPECT_EQ(ampereMostKeys({128, 128, 128, hopperSharedBytes, 4}), 128);
}

// Tiles of all sizes have at most the shared memory of any GPU, and each warp a part of every
// product.
TEST(AmpereSchedule, AllSizesOfHeads) {
  for (int64_t bytes : {2, 4})
    for (int64_t query = 1; query <= 128; ++query)
      for (int64_t value : {int64_t(1), query, int64_t(128)}) {
        AmpereShape shape{query, value, 128, ampereSharedBytes, bytes};
        const int64_t mostKeys = ampereMostKeys(shape), mostQueries = ampereMostQueries(shape);
        for (int64_t most : {64, 128}) {
          shape.rows = std::min(most, mostKeys);
          auto grad = chooseAmpereGradSchedule(shape);
          EXPECT_GE(grad.queryRows, 16);
          EXPECT_GE(grad.warps, grad.queryRows / 16);
          EXPECT_EQ(grad.queryRows % grad.scoreRows, 0);
          shape.rows = std::min(most, mostQueries);
          EXPECT_GE(chooseAmpereSchedule(shape).keyRows, bytes == 2 ? 32 : 16);
          EXPECT_GE(chooseAmpereQueryGradSchedule(shape).keyRows, 16);
        }
      }
}
} // namespace

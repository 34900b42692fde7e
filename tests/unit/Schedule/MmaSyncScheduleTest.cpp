//===- MmaSyncScheduleTest.cpp - tiles by mma.sync for some shapes ---------===//
#include "compiler/Schedule/MmaSyncSchedule.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace stc;

namespace {
TEST(MmaSyncSchedule, TilesOfKeysFitSharedMemory) {
  struct Row {
    MmaSyncShape shape;
    MmaSyncSchedule expected; // warps, parts, keys, stages, blocks
  };
  for (const Row &row :
       {Row{{64, 64, 128}, {4, 2, 64, 2, 2}}, Row{{64, 64, 64}, {4, 1, 64, 2, 3}},
        Row{{1, 128, 128}, {4, 2, 64, 2, 2}}, Row{{128, 128, 64}, {4, 1, 64, 2, 2}},
        Row{{128, 128, 128}, {4, 2, 32, 2, 2}},
        Row{{128, 128, 128, kSharedBytesOfSm90}, {4, 2, 64, 2, 2}},
        Row{{64, 64, 64, kSharedBytesOfSm80, 4}, {4, 1, 32, 2, 2}},
        Row{{128, 128, 64, kSharedBytesOfSm80, 4}, {4, 1, 32, 2, 2}},
        Row{{128, 128, 128, kSharedBytesOfSm90, 4}, {8, 1, 32, 2, 1}}}) {
    auto found = chooseMmaSyncSchedule(row.shape);
    EXPECT_EQ(found, row.expected) << row.shape.querySize << " " << row.shape.valueSize << " "
                                   << row.shape.rows << ": " << found.keyRows;
    EXPECT_EQ(found.queryRows(), row.shape.rows);
  }
}

TEST(MmaSyncKeyGradSchedule, TilesOfQueriesFitSharedMemory) {
  struct Row {
    MmaSyncShape shape;
    MmaSyncKeyGradSchedule expected; // warps, parts, queries, those at once, blocks
  };
  for (const Row &row :
       {Row{{64, 64, 64}, {4, 1, 64, 32, 3}}, Row{{64, 64, 128}, {4, 2, 32, 32, 2}},
        Row{{16, 16, 128}, {4, 2, 64, 32, 2}}, Row{{128, 128, 64}, {4, 1, 32, 32, 2}},
        Row{{128, 128, 128}, {8, 1, 16, 16, 1}},
        Row{{128, 128, 128, kSharedBytesOfSm90}, {8, 1, 64, 32, 1}},
        Row{{64, 64, 64, kSharedBytesOfSm80, 4}, {4, 1, 32, 16, 2}},
        Row{{128, 128, 32, kSharedBytesOfSm80, 4}, {2, 1, 16, 16, 2}},
        Row{{64, 64, 64, kSharedBytesOfSm90, 4}, {4, 1, 32, 16, 2}},
        Row{{128, 128, 128, kSharedBytesOfSm90, 4}, {8, 1, 16, 16, 1}}}) {
    auto found = chooseMmaSyncKeyGradSchedule(row.shape);
    EXPECT_EQ(found, row.expected) << row.shape.querySize << " " << row.shape.rows << ": "
                                   << found.queryRows << " " << found.blocks;
    EXPECT_EQ(found.keyRows(), row.shape.rows);
  }
}

// Tiles stay shorter where those that pass by would find no room.
TEST(MmaSyncSchedule, MostRows) {
  for (int64_t bytes : {kSharedBytesOfSm80, kSharedBytesOfSm90}) {
    EXPECT_EQ(mmaSyncMostQueries({128, 128, 128, bytes}), 128);
    EXPECT_EQ(mmaSyncMostKeys({128, 128, 128, bytes}), 128);
    EXPECT_EQ(mmaSyncMostQueries({64, 64, 128, bytes, 4}), 64);
    EXPECT_EQ(mmaSyncMostKeys({64, 64, 128, bytes, 4}), 64);
  }
  EXPECT_EQ(mmaSyncMostQueries({128, 128, 128, kSharedBytesOfSm80, 4}), 64);
  EXPECT_EQ(mmaSyncMostKeys({128, 128, 128, kSharedBytesOfSm80, 4}), 32);
  EXPECT_EQ(mmaSyncMostQueries({128, 128, 128, kSharedBytesOfSm90, 4}), 128);
  EXPECT_EQ(mmaSyncMostKeys({128, 128, 128, kSharedBytesOfSm90, 4}), 128);
}

// Tiles of all sizes have at most the shared memory of any GPU, and each warp a part of every
// product.
TEST(MmaSyncSchedule, AllSizesOfHeads) {
  for (int64_t bytes : {2, 4})
    for (int64_t query = 1; query <= 128; ++query)
      for (int64_t value : {int64_t(1), query, int64_t(128)}) {
        MmaSyncShape shape{query, value, 128, kSharedBytesOfSm80, bytes};
        const int64_t mostKeys = mmaSyncMostKeys(shape), mostQueries = mmaSyncMostQueries(shape);
        for (int64_t most : {64, 128}) {
          shape.rows = std::min(most, mostKeys);
          auto grad = chooseMmaSyncKeyGradSchedule(shape);
          EXPECT_GE(grad.queryRows, 16);
          EXPECT_GE(grad.warps, grad.queryRows / 16);
          EXPECT_EQ(grad.queryRows % grad.scoreRows, 0);
          shape.rows = std::min(most, mostQueries);
          EXPECT_GE(chooseMmaSyncSchedule(shape).keyRows, bytes == 2 ? 32 : 16);
          EXPECT_GE(chooseMmaSyncQueryGradSchedule(shape).keyRows, 16);
        }
      }
}
} // namespace

//===- HopperCostTest.cpp - the cost of some kernels on an H100 -----------===//
#include "compiler/Schedule/HopperCost.h"

#include <gtest/gtest.h>

using namespace stc;

namespace {
/// Dense attention of 32 heads of 12288 positions in tiles of 128 x 128.
HopperTiles dense(int64_t size = 64) {
  AttentionCounts counts{.attentions = 32,
                         .querySize = size,
                         .valueSize = size,
                         .pairs = 12288 * 12289 / 2,
                         .queries = 12288,
                         .keys = 12288};
  return {counts,
          /*tiles=*/96 * 97 / 2,
          /*queryRows=*/128,
          /*keyRows=*/128,
          /*items=*/32 * 96,
          /*beginsSums=*/false};
}

TEST(HopperCost, WorkOfKernels) {
  HopperTiles narrowHeads = dense(40), resumed = dense(), pictures = dense(128);
  resumed.resumes = true;
  HopperTiles grouped = dense();
  grouped.group = 4;
  HopperTiles sums = dense(), begun = dense();
  sums.sumsQueries = begun.sumsQueries = begun.beginsSums = true;
  pictures.valueSize = 64;
  struct Row {
    HopperWork work;
    double useful, computed, exponentials, bytes, sums;
  };
  // Pairs are 2.416e9 in the pattern and 2.441e9 in tiles; queries, and keys, 393,216.
  for (const Row &row : {
           Row{forwardWork(dense()), 618.5e9, 624.9e9, 2.441e9, 202.9e6, 0},
           Row{forwardWork(narrowHeads), 386.6e9, 624.9e9, 2.441e9, 127.4e6, 0},
           Row{forwardWork(resumed), 618.5e9, 624.9e9, 2.441e9, 254.8e6, 0},
           Row{forwardWork(pictures), 927.8e9, 937.3e9, 2.441e9, 303.6e6, 0},
           Row{forwardWork(grouped), 618.5e9, 624.9e9, 2.441e9, 127.4e6, 0},
           Row{keyGradWork(grouped), 1237e9, 1250e9, 2.441e9, 154.1e6, 0},
           Row{keyGradWork(dense()), 1237e9, 1250e9, 2.441e9, 305.1e6, 0},
           Row{keyGradWork(resumed), 1237e9, 1250e9, 2.441e9, 405.8e6, 0},
           Row{keyGradWork(sums), 1546e9, 1562e9, 2.441e9, 405.8e6, 4.881e9},
           Row{keyGradWork(begun), 1546e9, 1562e9, 2.441e9, 405.8e6, 0},
           Row{queryGradWork(dense()), 927.8e9, 937.3e9, 2.441e9, 254.8e6, 0},
           Row{queryGradWork(resumed), 927.8e9, 937.3e9, 2.441e9, 305.1e6, 0},
           Row{queryGradWork(pictures), 1546e9, 1562e9, 2.441e9, 405.8e6, 0},
           Row{deltaWork(393216, 64, 0), 0, 0, 0, 102.2e6, 0},
           Row{deltaWork(393216, 64, 64), 0, 0, 0, 202.9e6, 0},
           Row{querySumWork(393216, 64), 0, 0, 0, 151.0e6, 0},
       }) {
    EXPECT_NEAR(row.work.usefulFlops, row.useful, row.useful * 1e-3);
    EXPECT_NEAR(row.work.flops, row.computed, row.computed * 1e-3);
    EXPECT_NEAR(row.work.exponentials, row.exponentials, row.exponentials * 1e-3);
    EXPECT_NEAR(row.work.bytes, row.bytes, row.bytes * 1e-3);
    EXPECT_NEAR(row.work.sums, row.sums, row.sums * 1e-3);
  }
}

TEST(HopperCost, TimeIsTheSumOfWhatKernelsDo) {
  HopperRates rates{.flops = 500, .bytes = 100, .sums = 50};
  rates.multiprocessors = 10;
  HopperWork work{.usefulFlops = 1000, .flops = 2000, .bytes = 50, .sums = 25, .items = 20};
  work.exponentials = rates.exponentials() * 3;
  HopperTime time = estimate(work, rates);
  EXPECT_DOUBLE_EQ(time.products, 4);
  EXPECT_DOUBLE_EQ(time.exponentials, 3);
  EXPECT_DOUBLE_EQ(time.memory, 0.5);
  EXPECT_DOUBLE_EQ(time.sums, 0.5);
  EXPECT_DOUBLE_EQ(time.total(), 8);
  EXPECT_DOUBLE_EQ(time.roofline, 2); // of the products
  work.bytes = 300;
  EXPECT_DOUBLE_EQ(estimate(work, rates).roofline, 3); // of the memory
}

TEST(HopperCost, RoundsOfItemsThatAreNotFullLeaveMultiprocessorsIdle) {
  struct Row {
    int64_t items;
    double factor;
  };
  for (const Row &row : {Row{132, 1}, Row{264, 1}, Row{66, 2}, Row{1, 132}, Row{198, 4.0 / 3}}) {
    HopperWork work{.flops = 989e12, .bytes = 3.03e12, .items = row.items};
    HopperTime time = estimate(work);
    EXPECT_NEAR(time.products, row.factor, 1e-9) << row.items;
    EXPECT_NEAR(time.memory, 1, 1e-9); // a few blocks can keep the memory busy
  }
}
} // namespace

//===- ThreadPoolTest.cpp - every item once, whatever the timing -------------------------===//
#include "runtime/Device/Host/ThreadPool.h"

#include <atomic>
#include <gtest/gtest.h>
#include <random>
#include <xmmintrin.h>

namespace stc::runtime {
namespace {

TEST(ThreadPool, RunsEveryItemOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int64_t items : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(items);
      std::atomic<bool> inRange = true;
      pool.parallelFor(items, [&](int64_t item, int thread) {
        ++runs[item];
        if (thread < 0 || thread >= threads)
          inRange = false;
      });
      EXPECT_TRUE(inRange);
      for (const auto &count : runs)
        EXPECT_EQ(count, 1);
    }
  }
}

// Regions follow each other at once, with writes of one read by the next without further care: a
// worker that comes late to a region must not touch the next.
TEST(ThreadPool, SurvivesManySmallRegions) {
  ThreadPool pool(4);
  std::vector<int64_t> values(64, 0);
  std::mt19937 random(7);
  int64_t expected = 0;
  for (int region = 0; region < 20000; ++region) {
    int64_t items = 1 + random() % values.size();
    pool.parallelFor(items, [&](int64_t item, int) { ++values[item]; });
    expected += items;
  }
  int64_t total = 0;
  for (int64_t value : values)
    total += value;
  EXPECT_EQ(total, expected);
}

TEST(ThreadPool, WakesAfterSleep) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<int64_t> sum = 0;
    pool.parallelFor(100, [&](int64_t item, int) { sum += item; });
    EXPECT_EQ(sum, 4950);
  }
}

TEST(ThreadPool, ClaimsInOrder) {
  ThreadPool pool(3);
  std::atomic<int64_t> last[3] = {-1, -1, -1};
  std::atomic<bool> ordered = true;
  pool.parallelFor(5000, [&](int64_t item, int thread) {
    if (item <= last[thread])
      ordered = false;
    last[thread] = item;
  });
  EXPECT_TRUE(ordered);
}

// Whoever runs an item, and however the caller rounds: to nearest, with denormal numbers as zeros.
TEST(ThreadPool, ComputesWithFloatsInOneWay) {
  const unsigned before = _mm_getcsr(), upwards = 0x1f80 | _MM_ROUND_UP;
  _mm_setcsr(upwards);
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (int64_t items : {1, 64}) {
      std::atomic<int> flushed = 0, nearest = 0;
      pool.parallelFor(items, [&](int64_t, int) {
        volatile float smallest = 0x1p-126f, denormal = 0x1p-140f, one = 1, third = 0x1p-25f;
        flushed += smallest * 0.5f == 0 && denormal * 0x1p60f == 0;
        nearest += one + third == 1;
        std::this_thread::sleep_for(std::chrono::microseconds(10)); // so that others come
      });
      EXPECT_EQ(flushed, items);
      EXPECT_EQ(nearest, items);
      EXPECT_EQ(_mm_getcsr() & ~_MM_EXCEPT_MASK, upwards);
    }
  }
  _mm_setcsr(before);
}

TEST(ThreadPool, StartsAndStopsWithoutWork) {
  for (int i = 0; i < 50; ++i)
    ThreadPool pool(4);
}

} // namespace
} // namespace stc::runtime

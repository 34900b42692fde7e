//===- StepTimeTest.cpp - a model of a run --------------------------------===//
#include "compiler/Schedule/StepTime.h"

#include <gtest/gtest.h>
#include <vector>

using namespace stc;

namespace {
// A second for each operation, byte or start, so that all can be added up by hand.
constexpr StepRates ones{.products = 1,
                         .bytes = 1,
                         .kernelSeconds = 1,
                         .attention = 2,
                         .exponentials = 64,
                         .wide = 6,
                         .link = 1,
                         .hostLink = 0.5,
                         .exchangeSeconds = 1,
                         .collectiveSeconds = 1,
                         .besideExchange = 1,
                         .hostDevices = 8};

StepWork kernel(double bytes) { return {.bytes = bytes}; }
StepWork exchange(int64_t number, double bytes, bool isBetweenHosts = false) {
  return {.kind = StepWork::Exchange,
          .bytes = bytes,
          .number = number,
          .isBetweenHosts = isBetweenHosts};
}
StepWork wait(int64_t number) { return {.kind = StepWork::Wait, .number = number}; }

StepTime timeOf(std::vector<StepWork> steps) { return predictTime(steps, ones); }

TEST(StepTime, KernelsFollowEachOther) {
  EXPECT_EQ(timeOf({}).seconds, 0);
  EXPECT_EQ(timeOf({kernel(3), kernel(5)}).seconds, 10);
  EXPECT_EQ(timeOf({{.kind = StepWork::Product, .flops = 4, .bytes = 9}}).seconds, 10);
  EXPECT_EQ(timeOf({{.kind = StepWork::Product, .flops = 4, .isNarrow = false}}).seconds, 25);
  // Heads of 64: the exponentials take as long as the products.
  EXPECT_EQ(timeOf({{.kind = StepWork::Attention, .flops = 7}}).seconds, 8);
  EXPECT_EQ(timeOf({{.kind = StepWork::Attention, .flops = 3, .headSize = 192}}).seconds, 3);
}

TEST(StepTime, ExchangesGoOnBeside) {
  // It is over at 2 + 4 = 6, behind a kernel that takes as long, or before one that waits for it.
  EXPECT_EQ(timeOf({exchange(0, 4), kernel(5), wait(0)}).waiting, 0);
  const StepTime early = timeOf({exchange(0, 4), kernel(1), wait(0), kernel(1)});
  EXPECT_EQ(early.seconds, 8);
  EXPECT_EQ(early.waiting, 4);
  // The second follows the first; from another host bytes take twice as long.
  EXPECT_EQ(timeOf({exchange(0, 4), exchange(1, 4), wait(1)}).seconds, 12);
  EXPECT_EQ(timeOf({exchange(0, 4, true), wait(0)}).seconds, 10);
}

TEST(StepTime, ExchangesSlowWhatGoesOnBeside) {
  StepRates half = ones;
  half.besideExchange = 0.5;
  // The exchange is over at 6, when half of 6 of 9 is done; a kernel that ends before takes twice
  // as long.
  EXPECT_EQ(predictTime(std::vector{exchange(0, 4), kernel(8), wait(0)}, half).seconds, 12);
  const StepTime early = predictTime(std::vector{exchange(0, 4), kernel(1), wait(0)}, half);
  EXPECT_EQ(early.seconds, 6);
  EXPECT_EQ(early.waiting, 2);
}
} // namespace

//===- EvaluateTest.cpp - bits per byte against sums by hand --------------------------------===//
#include "runtime/Train/Evaluate.h"
#include "runtime/Checkpoint/Variables.h"
#include "runtime/Device/Host/Executor.h"
#include "tests/unit/Runtime/MockModel.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numbers>

namespace stc::runtime::test {
namespace {

using testing::ElementsAre;

constexpr int64_t n = mockContext;

TEST(BitsMean, IsTheMeanWithItsError) {
  BitsMean bits;
  EXPECT_EQ(bits.mean(), 0);
  bits.add(3 * std::numbers::ln2, 1);
  EXPECT_EQ(bits.standardError(), 0);
  bits.add(5 * std::numbers::ln2, 1);
  bits.add(10 * std::numbers::ln2, 1);
  EXPECT_NEAR(bits.mean(), 6, 1e-12);
  EXPECT_NEAR(bits.standardError(), std::sqrt((9 + 1 + 16) / 2.0 / 3), 1e-12);
  // Blocks that differ in size alone leave no doubt.
  BitsMean same;
  same.add(8, 2);
  same.add(40, 10);
  EXPECT_NEAR(same.mean(), 4 / std::numbers::ln2, 1e-12);
  EXPECT_NEAR(same.standardError(), 0, 1e-6);
  EXPECT_EQ(same.bytes(), 12);
}

TEST(Buckets, CoverTheWindow) {
  EXPECT_THAT(powersOfTwo(12), ElementsAre(0, 1, 2, 4, 8));
  EXPECT_THAT(powersOfTwo(1), ElementsAre(0));
  EXPECT_THAT(equalBuckets(10, 4), ElementsAre(0, 2, 5, 7));
  EXPECT_THAT(equalBuckets(3, 100), ElementsAre(0, 1, 2));
}

class EvaluateTest : public testing::Test {
protected:
  EvaluateTest() {
    file = ProgramFile::open(mockHistoryModel().write("history.stcp"));
    executor = std::move(*HostExecutor::create(file->program(), pool));
    EXPECT_TRUE(initialize(*executor, 1));
  }

  // All of `count` bytes.
  ByteData open(int64_t count) {
    std::string path = temporaryPath("evaluated");
    contents = mockData(count);
    writeFile(path, contents);
    return std::move(*ByteData::open(path, Part::All, Settings(file->program()), n));
  }

  // Nats of the byte at `position` of the window that starts at `start`, by a run of its own.
  double nats(int64_t start, int64_t position) {
    const program::Entry &entry = *executor->program().entries()->Get(2);
    auto tokens = executor->elements<int32_t>(*entry.inputs()->Get(0));
    auto targets = executor->elements<int32_t>(*entry.inputs()->Get(1));
    std::ranges::fill(tokens, 0);
    std::ranges::fill(targets, 0);
    for (int64_t i = 0; i <= position; ++i) {
      tokens[i] = i == 0 ? 256 : contents[start + i - 1];
      targets[i] = contents[start + i];
    }
    executor->run(2);
    return executor->elements<float>(*entry.outputs()->Get(0))[position];
  }

  Result<ProgramFile> file = fail("");
  ThreadPool pool{1};
  std::unique_ptr<HostExecutor> executor;
  std::string contents;
};

TEST_F(EvaluateTest, BucketsAddUpToTheWhole) {
  ByteData data = open(5 * n + 3); // an odd number of windows, and a rest
  auto evaluator = Evaluator::create(*executor);
  ASSERT_TRUE(evaluator);
  std::vector<int64_t> starts = powersOfTwo(n);
  auto result = evaluator->run(data, 1000, starts);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->windows, 5);
  EXPECT_EQ(result->bytes, 5 * n);
  ASSERT_EQ(result->positions.size(), starts.size());
  double all = 0;
  for (const auto &[first, end, bits] : result->positions) {
    double sum = 0;
    for (int64_t window = 0; window < 5; ++window)
      for (int64_t position = first; position < end; ++position)
        sum += nats(window * n, position) / std::numbers::ln2;
    EXPECT_NEAR(bits.mean(), sum / (5.0 * (end - first)), 1e-5) << first;
    EXPECT_EQ(bits.bytes(), 5 * (end - first));
    EXPECT_GT(bits.standardError(), 0);
    all += sum;
  }
  EXPECT_NEAR(result->bitsPerByte, all / (5.0 * n), 1e-5);
  EXPECT_EQ(evaluator->run(data, 3)->windows, 3);
}

// Each byte behind the longest context once, with the context that its window leaves it.
TEST_F(EvaluateTest, ContextsPredictTheSameBytesOnce) {
  auto evaluator = Evaluator::create(*executor);
  ASSERT_TRUE(evaluator);
  struct Case {
    int64_t bytes, most;
  };
  for (const Case &c : {Case{5 * n + 3, 1000}, Case{5 * n + 3, 2}, Case{n, 1}, Case{2 * n, 1000}}) {
    ByteData data = open(c.bytes);
    const int64_t contexts[] = {0, 1, 16, 20, n - 1};
    int64_t first = n - 1, last = std::min(c.bytes, first + c.most * n);
    auto rows = evaluator->runContexts(data, contexts, c.most);
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(rows->size(), std::size(contexts));
    std::vector<double> base;
    for (size_t row = 0; row < rows->size(); ++row) {
      int64_t context = contexts[row], stride = n - context;
      BitsMean bits, change;
      std::vector<double> predicted;
      for (int64_t byte = first; byte < last; ++byte) {
        // Where its window starts: at a multiple of the stride, or so that it ends with the data.
        int64_t start = std::min((byte - first) / stride * stride + first - context, c.bytes - n);
        EXPECT_GE(byte - start, context);
        predicted.push_back(nats(start, byte - start));
      }
      if (base.empty())
        base = predicted;
      for (size_t block = 0; block < predicted.size(); block += n) {
        double sum = 0, difference = 0;
        size_t end = std::min(block + n, predicted.size());
        for (size_t i = block; i < end; ++i) {
          sum += predicted[i];
          difference += predicted[i] - base[i];
        }
        bits.add(sum, end - block);
        change.add(difference, end - block);
      }
      EXPECT_EQ((*rows)[row].context, context);
      EXPECT_EQ((*rows)[row].bytes, last - first);
      EXPECT_NEAR((*rows)[row].bitsPerByte, bits.mean(), 1e-5);
      EXPECT_NEAR((*rows)[row].standardError, bits.standardError(), 1e-5);
      EXPECT_NEAR((*rows)[row].change, change.mean(), 1e-5);
      EXPECT_NEAR((*rows)[row].changeError, change.standardError(), 1e-5);
    }
    // What stands before a byte matters to this model, or the test would see nothing.
    if (c.bytes > n)
      EXPECT_GT(std::abs((*rows)[3].change), 1e-3);
  }
}

TEST_F(EvaluateTest, AContextLeavesSomethingToPredict) {
  ByteData data = open(3 * n);
  auto evaluator = Evaluator::create(*executor);
  for (int64_t context : {n, int64_t(-1)}) {
    auto rows = evaluator->runContexts(data, std::vector{int64_t(0), context}, 1000);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().message,
              "expected contexts of 0 to 31 bytes, one less than the window, found " +
                  std::to_string(context));
  }
}

} // namespace
} // namespace stc::runtime::test

//===- GemmTest.cpp - products against the definition --------------------------------------===//
#include "runtime/Device/Host/Gemm.h"
#include "tests/unit/Runtime/Command.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <random>

extern "C" int openblas_get_num_threads();
extern "C" char *openblas_get_corename();

namespace stc::runtime {
namespace {

struct Case {
  GemmShape shape;
  int64_t pad = 0; // extra elements a row
};

template <class T> class Runner {
public:
  Runner(const Case &test, unsigned seed) : shape(test.shape), random(seed) {
    shape.isDouble = sizeof(T) == 8;
    auto make = [&](std::vector<T> &values, int64_t rows, int64_t columns, GemmOperand &operand) {
      operand.leading = columns + test.pad + 1;
      operand.step = rows * operand.leading + 3;
      values.resize(shape.batch * operand.step + 1);
      for (T &value : values)
        value = std::uniform_real_distribution<T>(-1, 1)(random);
      operand.data = reinterpret_cast<std::byte *>(values.data());
    };
    make(aValues, shape.transposeA ? shape.k : shape.m, shape.transposeA ? shape.m : shape.k, a);
    make(bValues, shape.transposeB ? shape.n : shape.k, shape.transposeB ? shape.k : shape.n, b);
    make(cValues, shape.m, shape.n, c);
  }

  // Runs under the plan and gives c, padding included.
  std::vector<T> run(const GemmPlan &plan, ThreadPool &pool) {
    std::vector<T> before = cValues;
    std::vector<std::byte> workspace(workspaceBytes(shape, plan));
    gemm(shape, plan, a, b, c, workspace.data(), pool);
    std::vector<T> result = cValues;
    std::ranges::copy(before, cValues.begin()); // the operand points to it
    return result;
  }

  std::vector<T> expected() const {
    std::vector<T> result = cValues;
    for (int64_t matrix = 0; matrix < shape.batch; ++matrix)
      for (int64_t i = 0; i < shape.m; ++i)
        for (int64_t j = 0; j < shape.n; ++j) {
          double sum = 0;
          for (int64_t p = 0; p < shape.k; ++p) {
            int64_t left = shape.transposeA ? p * a.leading + i : i * a.leading + p;
            int64_t right = shape.transposeB ? j * b.leading + p : p * b.leading + j;
            sum += double(aValues[matrix * a.step + left]) * bValues[matrix * b.step + right];
          }
          T &value = result[matrix * c.step + i * c.leading + j];
          value = (shape.accumulate ? value : 0) + sum;
        }
    return result;
  }

  GemmShape shape;

private:
  std::mt19937 random;
  std::vector<T> aValues, bValues, cValues;
  GemmOperand a, b, c;
};

template <class T> void check(const Case &test, const GemmPlan &plan, ThreadPool &pool) {
  Runner<T> runner(test, 1);
  std::vector<T> got = runner.run(plan, pool), expected = runner.expected();
  double tolerance = (sizeof(T) == 8 ? 1e-13 : 2e-6) * (8 + std::sqrt(double(test.shape.k)) * 4);
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], expected[i], tolerance)
        << "element " << i << " of " << test.shape.m << "x" << test.shape.n << "x" << test.shape.k
        << " batch " << test.shape.batch << " plan " << plan.matrices << " " << plan.rows << " "
        << plan.columns << " " << plan.depths;
  EXPECT_EQ(got, runner.run(plan, pool)) << "expected the same bits again";
}

TEST(Gemm, MatchesTheDefinition) {
  ThreadPool pool(3);
  std::mt19937 random(5);
  const int64_t sizes[] = {1, 2, 7, 33, 64, 100, 165};
  for (int transposes = 0; transposes < 4; ++transposes)
    for (bool accumulate : {false, true})
      for (int round = 0; round < 8; ++round) {
        Case test;
        test.shape = {sizes[random() % 7],
                      sizes[random() % 7],
                      sizes[random() % 7],
                      int64_t(1 + random() % 4 * 2),
                      bool(transposes & 1),
                      bool(transposes & 2),
                      accumulate};
        test.pad = random() % 3;
        check<float>(test, planGemm(test.shape, pool.threads()), pool);
        check<double>(test, planGemm(test.shape, pool.threads()), pool);
        // Any plan is right, not only the best one.
        GemmPlan any{1, int64_t(1 + random() % 5), int64_t(1 + random() % 5),
                     int64_t(1 + random() % 5)};
        check<float>(test, any, pool);
        check<double>(test, any, pool);
      }
}

TEST(Gemm, TheLibraryStartsNoThreads) { EXPECT_EQ(openblas_get_num_threads(), 1); }

// More callers at once than the library keeps buffers for.
TEST(Gemm, ManyThreads) {
  ThreadPool pool(300);
  check<float>({{24, 24, 24, 600}}, {1, 1, 1, 1}, pool);
}

TEST(Gemm, EmptySizes) {
  ThreadPool pool(2);
  for (GemmShape shape :
       {GemmShape{0, 3, 4}, GemmShape{3, 0, 4}, GemmShape{3, 4, 0}, GemmShape{3, 4, 5, 0}})
    for (bool accumulate : {false, true}) {
      shape.accumulate = accumulate;
      check<float>({shape}, planGemm(shape, 2), pool);
    }
}

TEST(Gemm, PlansUseAllThreads) {
  struct Expected {
    GemmShape shape;
    int threads;
    int64_t pieces;
  };
  const Expected cases[] = {
      {{4, 4, 4, 100}, 8, 1},      // too small to share
      {{1024, 1024, 1024}, 1, 1},  // one thread
      {{64, 64, 64, 64}, 2, 8},    // a batch
      {{4096, 512, 2048}, 2, 2},   // rows
      {{64, 64, 12288}, 4, 4},     // a weight gradient: depth
      {{4, 2048, 512}, 4, 4},      // a few rows
      {{512, 512, 512, 2}, 4, 4},  // fewer matrices than threads
      {{4096, 512, 2048}, 16, 15}, // blocks of 288 rows
  };
  for (const Expected &c : cases) {
    GemmPlan plan = planGemm(c.shape, c.threads);
    int64_t matrices = (c.shape.batch + plan.matrices - 1) / plan.matrices;
    EXPECT_GE(matrices * plan.rows * plan.columns * plan.depths, c.pieces)
        << c.shape.m << "x" << c.shape.n << "x" << c.shape.k;
  }
}

const GemmShape manyShapes[] = {
    {1024, 777, 300, 1, true},
    {777, 128, 777, 1, true, true},
    {4096, 100, 64, 1},
    {256, 1024, 2048, 1, true},
    {1500, 100, 128, 1, false},
    {64, 64, 4096, 1, true, false, true},
    {4, 2048, 512, 1, false, true},
    {384, 65, 128, 1, false, false, true},
    {300, 300, 300, 3},
    {1000, 192, 192, 2, false, true},
};

TEST(Gemm, AnyNumberOfThreadsGivesTheSameBits) {
  ThreadPool pool(3);
  auto check = [&]<class T>(GemmShape shape, T) {
    Runner<T> runner({shape, 1}, 3);
    std::vector<GemmPlan> plans;
    std::vector<T> first;
    for (int threads : {1, 2, 3, 4, 5, 7, 8, 12, 16, 24, 64, 256}) {
      GemmPlan plan = planGemm(runner.shape, threads);
      if (std::ranges::find(plans, plan) != plans.end())
        continue;
      plans.push_back(plan);
      std::vector<T> found = runner.run(plan, pool);
      if (first.empty())
        first = found;
      EXPECT_EQ(std::memcmp(found.data(), first.data(), found.size() * sizeof(T)), 0)
          << openblas_get_corename() << ", " << threads << " threads: " << shape.m << "x" << shape.n
          << "x" << shape.k << " batch " << shape.batch;
    }
  };
  for (const GemmShape &shape : manyShapes) {
    check(shape, float());
    check(shape, double());
  }
}

// Which kernels the library takes depends on the CPU; this one can run those of its elders, too.
TEST(Gemm, OnEachKindOfCpu) {
  __builtin_cpu_init();
  std::vector<std::string> kinds = {"Prescott", "Nehalem"};
  if (__builtin_cpu_supports("avx"))
    kinds.push_back("Sandybridge");
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    kinds.insert(kinds.end(), {"Haswell", "Zen"});
  if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    kinds.push_back("SkylakeX");
  std::string self = std::filesystem::read_symlink("/proc/self/exe");
  for (const std::string &kind : kinds) {
    test::Outcome outcome = test::runProgram(
        {"env", "OPENBLAS_CORETYPE=" + kind, self,
         "--gtest_filter=Gemm.AnyNumberOfThreadsGivesTheSameBits:Gemm.MatchesTheDefinition"});
    EXPECT_EQ(outcome.code, 0) << kind << "\n" << outcome.out;
  }
}

TEST(Gemm, ColumnsAndDepthsFollowFromTheShape) {
  for (const GemmShape &shape : manyShapes)
    for (int threads : {2, 3, 16, 100}) {
      GemmPlan one = planGemm(shape, 1), many = planGemm(shape, threads);
      EXPECT_EQ(std::pair(one.columns, one.depths), std::pair(many.columns, many.depths));
    }
}

} // namespace
} // namespace stc::runtime

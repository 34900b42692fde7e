//===- LargeProduct.h - what a benchmark is compared with ----------------------------===//
//
// Machines are noisy: a figure means something beside another that was taken between its own
// repetitions. Here, a large dense product by the library on the same threads.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Host/Gemm.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace stc::runtime {

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

inline double secondsOf(const auto &work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A single-precision product of two square matrices: what these threads can do at best.
class LargeProduct {
public:
  explicit LargeProduct(ThreadPool &pool)
      : pool(pool), a(size * size, 0.5f), b(size * size, 0.25f),
        c(size * size), shape{size, size, size}, plan(planGemm(shape, pool.threads())),
        workspace(workspaceBytes(shape, plan)) {}

  double seconds() {
    auto operand = [](std::vector<float> &values) {
      return GemmOperand{reinterpret_cast<std::byte *>(values.data()), size, 0};
    };
    return secondsOf(
        [&] { gemm(shape, plan, operand(a), operand(b), operand(c), workspace.data(), pool); });
  }

  static constexpr int64_t size = 1536;
  static constexpr double flops = 2.0 * size * size * size;

private:
  ThreadPool &pool;
  std::vector<float> a, b, c;
  GemmShape shape;
  GemmPlan plan;
  std::vector<std::byte> workspace;
};

} // namespace stc::runtime

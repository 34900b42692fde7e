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

/// A product of two square matrices of float32 or float64: what these threads can do at best.
class LargeProduct {
public:
  explicit LargeProduct(ThreadPool &pool, bool isDouble = false)
      : pool(pool), shape{.m = size, .n = size, .k = size, .isDouble = isDouble},
        plan(planGemm(shape, pool.threads())), workspace(workspaceBytes(shape, plan)) {
    for (std::vector<std::byte> *matrix : {&a, &b, &c}) {
      matrix->resize(size * size * shape.elementBytes());
      isDouble ? fill(*matrix, 0.5) : fill(*matrix, 0.5f);
    }
  }

  double seconds() {
    auto operand = [](std::vector<std::byte> &values) {
      return GemmOperand{values.data(), size, 0};
    };
    return secondsOf(
        [&] { gemm(shape, plan, operand(a), operand(b), operand(c), workspace.data(), pool); });
  }

  uint64_t bytes() const { return a.size() + b.size() + c.size() + workspace.size(); }

  static constexpr int64_t size = 1536;
  static constexpr double flops = 2.0 * size * size * size;

private:
  template <class T> static void fill(std::vector<std::byte> &bytes, T value) {
    std::fill_n(reinterpret_cast<T *>(bytes.data()), bytes.size() / sizeof(T), value);
  }

  ThreadPool &pool;
  GemmShape shape;
  GemmPlan plan;
  std::vector<std::byte> a, b, c, workspace;
};

} // namespace stc::runtime

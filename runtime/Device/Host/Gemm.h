//===- Gemm.h - dense matrix products on all cores ---------------------------------===//
//
// c = op(a) * op(b) + (accumulate ? c : 0), row major, in float32 or float64, for a batch of
// matrices. Each piece of the product is one call of a single-threaded BLAS; a plan made once per
// shape says which pieces. The result depends on the shape alone, to the bit: neither on who ran
// which piece, nor on the number of threads.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Host/ThreadPool.h"
#include "runtime/Support/Error.h"

#include <cstddef>
#include <cstdint>

namespace stc::runtime {

/// op(a) is m x k, op(b) is k x n, c is m x n.
struct GemmShape {
  int64_t m = 0, n = 0, k = 0, batch = 1;
  bool transposeA = false, transposeB = false, accumulate = false;
  bool isDouble = false;

  int64_t elementBytes() const { return isDouble ? 8 : 4; }
};

/// A matrix of the batch follows the last one after `step` elements, a row after `leading`.
struct GemmOperand {
  std::byte *data = nullptr;
  int64_t leading = 0, step = 0;
};

/// How a product is cut: `matrices` of the batch a piece, or one matrix into rows x columns x
/// depths pieces. With several depths (a weight gradient: long k, small m and n) the partial sums
/// of each lie in a workspace and are added in order.
struct GemmPlan {
  int64_t matrices = 1;
  int64_t rows = 1, columns = 1, depths = 1;

  bool operator==(const GemmPlan &) const = default;
};

/// Has the BLAS reserve now what it wants for products on this many threads, 128 MiB of address
/// space each, of which it uses what it needs. Where there is none, it would try forever. Error
/// (Machine): so much cannot be reserved.
Result<void> reserveBuffers(int threads);

/// The depths and columns of a plan follow from the shape, its rows and matrices also from the
/// threads. Plans that differ in these alone give equal bits.
GemmPlan planGemm(const GemmShape &shape, int threads);

/// Bytes of workspace that a product needs under its plan.
uint64_t workspaceBytes(const GemmShape &shape, const GemmPlan &plan);

void gemm(const GemmShape &shape, const GemmPlan &plan, const GemmOperand &a, const GemmOperand &b,
          const GemmOperand &c, std::byte *workspace, ThreadPool &pool);

} // namespace stc::runtime

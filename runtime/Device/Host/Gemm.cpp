//===- Gemm.cpp - dense matrix products on all cores -------------------------------===//
#include "runtime/Device/Host/Gemm.h"
#include "runtime/Device/Host/Limits.h"

#include <algorithm>
#include <cblas.h>
#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/mman.h>
#include <vector>

// Of OpenBLAS, but not in its headers.
extern "C" {
void *blas_memory_alloc(int);
void blas_memory_free(void *);
}

namespace stc::runtime {

namespace {

// What the BLAS reads before main(). Of its own it would start a thread a core, which the pool has
// already, and know CPUs by the numbers of their models: one that came after it, or that a virtual
// machine blurs, it takes for one of 2004 and is a quarter as fast.
[[gnu::constructor(101)]] void setUpBlas() {
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  __builtin_cpu_init();
  bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  bool vectors = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (vectors)
    setenv("OPENBLAS_CORETYPE", wide ? "SkylakeX" : "Haswell", 0);
}

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Rows may be cut for any number of threads, so they must be cut where no element's bits depend on
// it: at multiples of the register tiles of all CPUs, 96, and leaving no block so small that the
// BLAS has another kernel for it (100 x 100 x 100). Columns and depths are cut by the shape alone.
constexpr int64_t rowAlignment = 96, columnAlignment = 32;
constexpr double leastBlock = 1 << 20;
// The threads that columns and depths are cut for.
constexpr int64_t nominalThreads = 16;
// Less than this is not worth a hand-over to another thread.
constexpr double leastFlops = 1 << 18;

// The size of a block when `size` is cut in `parts`; the last one may be smaller.
int64_t blockSize(int64_t size, int64_t parts, int64_t alignment = columnAlignment) {
  return parts == 1 ? size : ceilDiv(ceilDiv(size, parts), alignment) * alignment;
}

int64_t cuts(int64_t size, int64_t alignment = columnAlignment) {
  return std::max<int64_t>(1, size / (2 * alignment));
}

// Whether the last rows of a plan are enough for a block of their own.
bool rowsFit(const GemmShape &shape, const GemmPlan &plan) {
  int64_t rows = blockSize(shape.m, plan.rows, rowAlignment);
  int64_t last = shape.m - (ceilDiv(shape.m, rows) - 1) * rows;
  return plan.rows == 1 ||
         double(last) * blockSize(shape.n, plan.columns) * blockSize(shape.k, plan.depths) >=
             leastBlock;
}

// The time of one piece in units of a multiply-add: packing an operand's element costs the BLAS
// about 16 of them, writing and adding up an element of a partial sum about 32.
double pieceCost(const GemmShape &shape, const GemmPlan &plan) {
  double rows = blockSize(shape.m, plan.rows, rowAlignment),
         columns = blockSize(shape.n, plan.columns), depth = blockSize(shape.k, plan.depths);
  return rows * columns * depth + 16 * depth * (rows + columns) +
         (plan.depths > 1 ? 32 * rows * columns : 0);
}

class Product {
public:
  Product(const GemmShape &shape, const GemmOperand &a, const GemmOperand &b, const GemmOperand &c)
      : shape(shape), a(a), b(b), c(c) {}

  // c[rows i.., columns j..] of one matrix over k in [first, first + depth).
  struct Block {
    int64_t i, rows, j, columns, first, depth;
  };

  void run(int64_t matrix, const Block &block) const {
    run(matrix, block, at(c, matrix, block.i * c.leading + block.j), c.leading, shape.accumulate);
  }

  void run(int64_t matrix, const Block &block, std::byte *target, int64_t leading,
           bool accumulate) const {
    if (block.rows <= 0 || block.columns <= 0)
      return;
    const std::byte *left = at(a, matrix,
                               shape.transposeA ? block.first * a.leading + block.i
                                                : block.i * a.leading + block.first);
    const std::byte *right = at(b, matrix,
                                shape.transposeB ? block.j * b.leading + block.first
                                                 : block.first * b.leading + block.j);
    CBLAS_TRANSPOSE transA = shape.transposeA ? CblasTrans : CblasNoTrans;
    CBLAS_TRANSPOSE transB = shape.transposeB ? CblasTrans : CblasNoTrans;
    if (shape.isDouble)
      cblas_dgemm(CblasRowMajor, transA, transB, block.rows, block.columns, block.depth, 1.0,
                  reinterpret_cast<const double *>(left), a.leading,
                  reinterpret_cast<const double *>(right), b.leading, accumulate ? 1.0 : 0.0,
                  reinterpret_cast<double *>(target), leading);
    else
      cblas_sgemm(CblasRowMajor, transA, transB, block.rows, block.columns, block.depth, 1.0f,
                  reinterpret_cast<const float *>(left), a.leading,
                  reinterpret_cast<const float *>(right), b.leading, accumulate ? 1.0f : 0.0f,
                  reinterpret_cast<float *>(target), leading);
  }

  // Adds up the partial sums of rows [first, first + rows), in the order of k.
  template <class T>
  void addUp(int64_t matrix, const std::byte *partial, int64_t depths, int64_t first,
             int64_t rows) const {
    const T *sums = reinterpret_cast<const T *>(partial);
    T *target = reinterpret_cast<T *>(at(c, matrix, 0));
    for (int64_t i = first; i < first + rows; ++i) {
      T *row = target + i * c.leading;
      for (int64_t depth = 0; depth < depths; ++depth) {
        const T *sum = sums + (depth * shape.m + i) * shape.n;
        if (depth == 0 && !shape.accumulate)
          std::copy_n(sum, shape.n, row);
        else
          for (int64_t j = 0; j < shape.n; ++j)
            row[j] += sum[j];
      }
    }
  }

private:
  std::byte *at(const GemmOperand &operand, int64_t matrix, int64_t element) const {
    return operand.data + (matrix * operand.step + element) * shape.elementBytes();
  }

  const GemmShape &shape;
  const GemmOperand &a, &b, &c;
};

} // namespace

Result<void> reserveBuffers(int threads) {
  // More would be another table of the BLAS's, which it warns of.
  constexpr int most = 128;
  constexpr uint64_t bytes = uint64_t(128) << 20; // BUFFER_SIZE in its common_x86_64.h
  std::vector<void *> buffers;
  Result<void> reserved;
  for (int thread = 0; thread < std::min(threads, most) && reserved; ++thread) {
    // What it is about to do, with room for its book-keeping.
    void *probe = mmap(nullptr, bytes + (1 << 20), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) {
      auto error = cannotReserve(bytes, errno);
      reserved = fail(fmt::format("products on {} threads: {}", threads, error.value().message),
                      ErrorKind::Machine);
      break;
    }
    munmap(probe, bytes + (1 << 20));
    buffers.push_back(blas_memory_alloc(0));
  }
  std::ranges::for_each(buffers, blas_memory_free); // it keeps them
  return reserved;
}

namespace {

struct Range {
  int64_t first, last;
};
struct Choice {
  GemmPlan plan;
  double cost = 0;
};

// The cut of single matrices that a thread with the most pieces finishes first.
Choice cheapest(const GemmShape &shape, int64_t threads, Range columnCuts, Range depthCuts) {
  Choice best;
  int64_t most = std::max(4 * ceilDiv(threads, shape.batch), columnCuts.first * depthCuts.first);
  for (int64_t rows = 1; rows <= std::min(most, cuts(shape.m, rowAlignment)); ++rows)
    for (int64_t columns = columnCuts.first; columns <= std::min(most / rows, columnCuts.last);
         ++columns)
      for (int64_t depths = depthCuts.first;
           depths <= std::min(most / rows / columns, depthCuts.last); ++depths) {
        GemmPlan plan{1, rows, columns, depths};
        if (!rowsFit(shape, plan))
          continue;
        int64_t pieces = shape.batch * rows * columns * depths;
        double cost = ceilDiv(pieces, threads) * pieceCost(shape, plan);
        if (best.cost == 0 || cost < best.cost)
          best = {plan, cost};
      }
  return best;
}

// The cut that bits depend on, whose rows are still open: none, unless rows alone are too few for
// many threads.
GemmPlan cutByShape(const GemmShape &shape, double flops) {
  int64_t threads = std::clamp<int64_t>(flops / leastFlops, 1, nominalThreads);
  Choice rows = cheapest(shape, threads, {1, 1}, {1, 1}),
         all = cheapest(shape, threads, {1, cuts(shape.n)}, {1, cuts(shape.k)});
  constexpr double worthIt = 1.1;
  return rows.cost <= worthIt * all.cost ? rows.plan : all.plan;
}

} // namespace

GemmPlan planGemm(const GemmShape &shape, int threads) {
  GemmPlan whole{.matrices = std::max<int64_t>(shape.batch, 1)};
  double flops = 2.0 * shape.m * shape.n * shape.k;
  if (flops * shape.batch < leastFlops)
    return whole;
  auto [matrices, rows, columns, depths] = cutByShape(shape, flops * shape.batch);
  bool isCut = columns * depths > 1;
  if (!isCut && threads == 1)
    return whole;
  if (!isCut && shape.batch >= threads) {
    // Several pieces a thread, so that a slow thread costs little, but none too small.
    int64_t least = std::max<int64_t>(1, static_cast<int64_t>(leastFlops / std::max(flops, 1.0)));
    return {.matrices = std::max(least, ceilDiv(shape.batch, 4 * threads))};
  }
  return cheapest(shape, threads, {columns, columns}, {depths, depths}).plan;
}

uint64_t workspaceBytes(const GemmShape &shape, const GemmPlan &plan) {
  return plan.depths == 1 ? 0
                          : plan.depths * shape.batch * shape.m * shape.n * shape.elementBytes();
}

void gemm(const GemmShape &shape, const GemmPlan &plan, const GemmOperand &a, const GemmOperand &b,
          const GemmOperand &c, std::byte *workspace, ThreadPool &pool) {
  Product product(shape, a, b, c);
  if (plan.matrices > 1) {
    pool.parallelFor(ceilDiv(shape.batch, plan.matrices), [&](int64_t item, int) {
      int64_t first = item * plan.matrices;
      for (int64_t matrix = first; matrix < std::min(first + plan.matrices, shape.batch); ++matrix)
        product.run(matrix, {0, shape.m, 0, shape.n, 0, shape.k});
    });
    return;
  }
  int64_t rows = blockSize(shape.m, plan.rows, rowAlignment),
          columns = blockSize(shape.n, plan.columns), depth = blockSize(shape.k, plan.depths);
  int64_t sumBytes = shape.m * shape.n * shape.elementBytes();
  pool.parallelFor(shape.batch * plan.depths * plan.rows * plan.columns, [&](int64_t item, int) {
    int64_t column = item % plan.columns, row = item / plan.columns % plan.rows;
    int64_t sum = item / plan.columns / plan.rows; // of matrix and depth
    int64_t matrix = sum / plan.depths, first = sum % plan.depths * depth;
    Product::Block block{row * rows,
                         std::min(rows, shape.m - row * rows),
                         column * columns,
                         std::min(columns, shape.n - column * columns),
                         first,
                         std::clamp<int64_t>(shape.k - first, 0, depth)};
    if (plan.depths == 1)
      return product.run(matrix, block);
    int64_t corner = (block.i * shape.n + block.j) * shape.elementBytes();
    product.run(matrix, block, workspace + sum * sumBytes + corner, shape.n, false);
  });
  if (plan.depths == 1)
    return;
  int64_t chunk = std::max<int64_t>(1, ceilDiv(shape.m, 4 * pool.threads()));
  int64_t chunks = ceilDiv(shape.m, chunk);
  pool.parallelFor(shape.batch * chunks, [&](int64_t item, int) {
    int64_t matrix = item / chunks, first = item % chunks * chunk;
    const std::byte *partial = workspace + matrix * plan.depths * sumBytes;
    int64_t count = std::min(chunk, shape.m - first);
    if (shape.isDouble)
      product.addUp<double>(matrix, partial, plan.depths, first, count);
    else
      product.addUp<float>(matrix, partial, plan.depths, first, count);
  });
}

} // namespace stc::runtime

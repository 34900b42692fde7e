//===- Product.cpp - dense products of a program on a GPU ----------------------------===//
#include "runtime/Device/Cuda/Product.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stc::runtime::cuda {

using program::DType;

namespace {

// Products below are not worth trying several algorithms: the first is good enough.
constexpr double leastFlopsToTry = 1e9;
constexpr int mostCandidates = 8, rounds = 3, runsOfRound = 4;
// What another algorithm has to win by to be taken instead of one that the library puts before it,
// so that noise decides little.
constexpr double leastGain = 0.03;

cudaDataType typeOf(DType dtype) {
  switch (dtype) {
  case DType::BF16:
    return CUDA_R_16BF;
  case DType::F16:
    return CUDA_R_16F;
  case DType::F64:
    return CUDA_R_64F;
  default: // no other passes checkProgram
    return CUDA_R_32F;
  }
}

} // namespace

uint32_t Product::Operand::alignment() const {
  uint32_t most = 256;
  return address % most == 0 ? most : static_cast<uint32_t>(address & -address);
}

Result<void> Product::operator()() const {
  static constexpr float floats[] = {0, 1};
  static constexpr double doubles[] = {0, 1};
  auto factor = [&](bool isOne) {
    return isDouble ? static_cast<const void *>(&doubles[isOne]) : &floats[isOne];
  };
  return owner->blas->matmul(owner->handle, description.get(), factor(true), first.data(),
                             first.layout.get(), second.data(), second.layout.get(),
                             factor(accumulates), result.data(), result.layout.get(), result.data(),
                             result.layout.get(), &algorithm.algo,
                             reinterpret_cast<void *>(owner->workspace.address()),
                             owner->workspace.size(), owner->device.stream());
}

Result<std::unique_ptr<Products>> Products::create(const Device &device, bool deterministic,
                                                   const std::vector<std::string> &libraries) {
  std::unique_ptr<Products> products(new Products(device, deterministic));
  auto opened = CublasLt::open(libraries);
  if (!opened)
    return forward(opened);
  products->blas = std::move(*opened);
  if (auto created = products->blas->create(&products->handle); !created)
    return forward(created);
  auto memory = Memory::create(device, workspaceBytes);
  if (!memory)
    return forward(memory);
  products->workspace = std::move(*memory);
  return products;
}

Products::~Products() {
  if (handle)
    (void)blas->destroy(handle);
}

Result<void> Products::describe(Product &product, const program::Gemm &gemm,
                                CUdeviceptr arena) const {
  cudaDataType type = typeOf(gemm.dtype());
  bool isDouble = type == CUDA_R_64F;
  cublasLtMatmulDesc_t raw = nullptr;
  // Sums of float32 are of float32 products: TF32 has a compute type of its own.
  auto created = blas->matmulDescCreate(&raw, isDouble ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
                                        isDouble ? CUDA_R_64F : CUDA_R_32F);
  if (!created)
    return created;
  product.description = {raw, Product::Deleter{blas.get()}};
  product.isDouble = isDouble;
  product.accumulates = gemm.accumulate();
  product.operations = 2.0 * gemm.m() * gemm.n() * gemm.k() * gemm.batch();

  auto transpose = [&](cublasLtMatmulDescAttributes_t attribute, bool isTransposed) {
    cublasOperation_t operation = isTransposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    return blas->matmulDescSetAttribute(raw, attribute, &operation, sizeof(operation));
  };
  // Rows and columns are ours; the library's are the other way round.
  auto operand = [&](Product::Operand &operand, const program::Matrix &matrix, int64_t rows,
                     int64_t columns, bool isTransposed) -> Result<void> {
    if (isTransposed)
      std::swap(rows, columns);
    cublasLtMatrixLayout_t layout = nullptr;
    if (auto made = blas->matrixLayoutCreate(&layout, type, columns, rows, matrix.leading()); !made)
      return made;
    operand.layout = {layout, Product::Deleter{blas.get()}};
    operand.address = arena + matrix.offset();
    if (gemm.batch() == 1)
      return {};
    auto count = static_cast<int32_t>(gemm.batch());
    int64_t step = matrix.batch_step();
    return blas
        ->matrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                   sizeof(count))
        .and_then([&] {
          return blas->matrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                                &step, sizeof(step));
        });
  };
  return transpose(CUBLASLT_MATMUL_DESC_TRANSA, gemm.transpose_b())
      .and_then([&] { return transpose(CUBLASLT_MATMUL_DESC_TRANSB, gemm.transpose_a()); })
      .and_then(
          [&] { return operand(product.first, *gemm.b(), gemm.k(), gemm.n(), gemm.transpose_b()); })
      .and_then([&] {
        return operand(product.second, *gemm.a(), gemm.m(), gemm.k(), gemm.transpose_a());
      })
      .and_then([&] { return operand(product.result, *gemm.c(), gemm.m(), gemm.n(), false); });
}

Result<std::vector<Product::Algorithm>> Products::candidates(const Product &product) const {
  cublasLtMatmulPreference_t raw = nullptr;
  if (auto created = blas->matmulPreferenceCreate(&raw); !created)
    return forward(created);
  auto destroy = [&](cublasLtMatmulPreference_t preference) {
    (void)blas->matmulPreferenceDestroy(preference);
  };
  std::unique_ptr<cublasLtMatmulPreferenceOpaque, decltype(destroy)> preference(raw, destroy);
  Result<void> set;
  auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    if (set)
      set = blas->matmulPreferenceSetAttribute(raw, attribute, &value, sizeof(value));
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspaceBytes);
  // Parts of a sum that several blocks compute are added by a kernel behind them: in their order,
  // and before they are rounded.
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, product.first.alignment());
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, product.second.alignment());
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, product.result.alignment());
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, product.result.alignment());
  if (!set)
    return forward(set);
  std::vector<Product::Algorithm> results(mostCandidates);
  int count = 0;
  auto found = blas->matmulAlgoGetHeuristic(
      handle, product.description.get(), product.first.layout.get(), product.second.layout.get(),
      product.result.layout.get(), product.result.layout.get(), raw, mostCandidates, results.data(),
      &count);
  if (!found)
    return forward(found);
  results.resize(count);
  std::erase_if(results, [](const Product::Algorithm &result) { return result.state != 0; });
  if (results.empty())
    return fail("cublasLtMatmulAlgoGetHeuristic: found no algorithm", ErrorKind::Machine);
  return results;
}

// The first run loads the algorithm's code, which nothing that is recorded may do.
Result<double> Products::secondsOf(const Product &product, const Event &start,
                                   const Event &end) const {
  Result<void> ran = product();
  double least = 0;
  for (int round = 0; round < rounds; ++round) {
    ran = ran.and_then([&] { return start.record(); });
    for (int k = 0; k < runsOfRound && ran; ++k)
      ran = product();
    ran = ran.and_then([&] { return end.record(); }).and_then([&] { return end.wait(); });
    if (!ran)
      return forward(ran);
    auto seconds = end.secondsSince(start);
    if (!seconds)
      return seconds;
    least = round == 0 ? *seconds : std::min(least, *seconds);
  }
  return least;
}

Result<Product::Algorithm> Products::choose(Product &product) const {
  auto found = candidates(product);
  auto start = Event::create(device), end = Event::create(device);
  if (!found)
    return forward(found);
  if (!start || !end)
    return forward(start ? end : start);
  if (deterministic || product.operations < leastFlopsToTry)
    found->resize(1);
  Result<Product::Algorithm> best = fail("");
  double least = 0;
  for (const Product::Algorithm &candidate : *found) {
    product.algorithm = candidate;
    auto seconds = secondsOf(product, *start, *end);
    if (!seconds && !best)
      best = forward(seconds);
    if (!seconds || (best && *seconds > (1 - leastGain) * least))
      continue;
    best = candidate;
    least = *seconds;
  }
  return best;
}

Result<Product> Products::bind(const program::Gemm &gemm, CUdeviceptr arena) {
  Product product;
  product.owner = this;
  if (auto described = describe(product, gemm, arena); !described)
    return forward(described);
  Shape shape = {static_cast<int64_t>(gemm.dtype()),
                 gemm.m(),
                 gemm.n(),
                 gemm.k(),
                 gemm.batch(),
                 gemm.transpose_a(),
                 gemm.transpose_b(),
                 gemm.accumulate()};
  for (auto [matrix, operand] : {std::pair(gemm.b(), &product.first),
                                 {gemm.a(), &product.second},
                                 {gemm.c(), &product.result}})
    shape.insert(shape.end(), {matrix->leading(), matrix->batch_step(), operand->alignment()});
  auto known = chosen.find(shape);
  if (known == chosen.end()) {
    auto choice = choose(product);
    if (!choice)
      return fail(fmt::format("a product of {} x {} x {}: {}", gemm.m(), gemm.n(), gemm.k(),
                              choice.error().message),
                  choice.error().kind);
    known = chosen.emplace(std::move(shape), *choice).first;
  }
  product.algorithm = known->second;
  return product;
}

} // namespace stc::runtime::cuda

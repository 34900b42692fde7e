//===- Product.h - dense products of a program on a GPU ------------------------------===//
//
// By cuBLASLt, which has many algorithms for a product and guesses which are fast. Which one is
// taken is decided once for each shape, before the first run: the fastest, or the one that is
// advised where every process has to take the same. None of them adds up in an order that may be
// another in the next run.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Cuda/CublasLt.h"
#include "runtime/Device/Cuda/Device.h"
#include "runtime/Device/Cuda/Event.h"
#include "runtime/Program/Program_generated.h"

#include <map>
#include <memory>
#include <type_traits>
#include <vector>

namespace stc::runtime::cuda {

/// A product with its operands. What made it must outlive it.
class Product {
public:
  double flops() const { return operations; }
  /// Puts it on the device's stream.
  Result<void> operator()() const;

private:
  friend class Products;
  using Algorithm = cublasLtMatmulHeuristicResult_t;

  struct Deleter {
    const CublasLt *blas;
    void operator()(cublasLtMatmulDesc_t desc) const { (void)blas->matmulDescDestroy(desc); }
    void operator()(cublasLtMatrixLayout_t layout) const {
      (void)blas->matrixLayoutDestroy(layout);
    }
  };
  template <class T> using Owned = std::unique_ptr<std::remove_pointer_t<T>, Deleter>;

  /// A matrix as the library sees it: by columns, so that it is the transpose of ours.
  struct Operand {
    CUdeviceptr address = 0;
    Owned<cublasLtMatrixLayout_t> layout = nullptr;

    void *data() const { return reinterpret_cast<void *>(address); }
    /// Bytes that the address is a multiple of, up to what any algorithm asks for.
    uint32_t alignment() const;
  };

  const class Products *owner = nullptr;
  Owned<cublasLtMatmulDesc_t> description = nullptr;
  /// c^T = b^T a^T: the library's first operand is our second.
  Operand first, second, result;
  bool isDouble = false, accumulates = false;
  double operations = 0;
  Algorithm algorithm = {};
};

/// Makes the products of a program.
class Products {
public:
  /// Bytes on the device that they share: they run one after the other.
  static constexpr uint64_t workspaceBytes = 32 << 20;

  /// The device must outlive it. Errors (Machine): no such library, no memory.
  static Result<std::unique_ptr<Products>>
  create(const Device &device, bool deterministic,
         const std::vector<std::string> &libraries = cublasLtLibraries);
  Products(const Products &) = delete;
  ~Products();

  /// The matrices are relative to the arena, which holds zeros yet: algorithms are tried on them.
  /// Error (Machine): what the library says.
  Result<Product> bind(const program::Gemm &gemm, CUdeviceptr arena);

private:
  friend class Product;
  using Shape = std::vector<int64_t>;

  Products(const Device &device, bool deterministic)
      : device(device), deterministic(deterministic) {}
  Result<void> describe(Product &product, const program::Gemm &gemm, CUdeviceptr arena) const;
  Result<std::vector<Product::Algorithm>> candidates(const Product &product) const;
  Result<Product::Algorithm> choose(Product &product) const;
  Result<double> secondsOf(const Product &product, const Event &start, const Event &end) const;

  const Device &device;
  bool deterministic;
  std::unique_ptr<CublasLt> blas;
  cublasLtHandle_t handle = nullptr;
  Memory workspace;
  /// What was chosen, by all that the choice depends on.
  std::map<Shape, Product::Algorithm> chosen;
};

} // namespace stc::runtime::cuda

//===- CublasLt.h - NVIDIA's library of dense products, opened at run time ----------===//
#pragma once

#include "runtime/Device/Cuda/CublasLtTypes.h"
#include "runtime/Device/Cuda/DriverTypes.h"
#include "runtime/Device/Cuda/Library.h"

#include <memory>
#include <string>
#include <vector>

namespace stc::runtime::cuda {

/// That of CUDA 13, or else of 12.
inline const std::vector<std::string> cublasLtLibraries = {"libcublasLt.so.13",
                                                           "libcublasLt.so.12"};

/// The functions of cuBLASLt that are used, under their names without "cublasLt".
class CublasLt final : public Library {
public:
  /// Error (Machine): there is no such library, or it lacks a function.
  static Result<std::unique_ptr<CublasLt>>
  open(const std::vector<std::string> &paths = cublasLtLibraries);

  Function<cublasLtHandle_t *> create{*this, "cublasLtCreate"};
  Function<cublasLtHandle_t> destroy{*this, "cublasLtDestroy"};
  Function<cublasLtMatmulDesc_t *, cublasComputeType_t, cudaDataType> matmulDescCreate{
      *this, "cublasLtMatmulDescCreate"};
  Function<cublasLtMatmulDesc_t> matmulDescDestroy{*this, "cublasLtMatmulDescDestroy"};
  Function<cublasLtMatmulDesc_t, cublasLtMatmulDescAttributes_t, const void *, size_t>
      matmulDescSetAttribute{*this, "cublasLtMatmulDescSetAttribute"};
  Function<cublasLtMatrixLayout_t *, cudaDataType, uint64_t, uint64_t, int64_t> matrixLayoutCreate{
      *this, "cublasLtMatrixLayoutCreate"}; // rows, columns, leading
  Function<cublasLtMatrixLayout_t> matrixLayoutDestroy{*this, "cublasLtMatrixLayoutDestroy"};
  Function<cublasLtMatrixLayout_t, cublasLtMatrixLayoutAttribute_t, const void *, size_t>
      matrixLayoutSetAttribute{*this, "cublasLtMatrixLayoutSetAttribute"};
  Function<cublasLtMatmulPreference_t *> matmulPreferenceCreate{*this,
                                                                "cublasLtMatmulPreferenceCreate"};
  Function<cublasLtMatmulPreference_t> matmulPreferenceDestroy{*this,
                                                               "cublasLtMatmulPreferenceDestroy"};
  Function<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t, const void *, size_t>
      matmulPreferenceSetAttribute{*this, "cublasLtMatmulPreferenceSetAttribute"};
  /// Layouts of a, b, c and d; as many results as are wanted, and how many there are.
  Function<cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
           cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatmulPreference_t, int,
           cublasLtMatmulHeuristicResult_t *, int *>
      matmulAlgoGetHeuristic{*this, "cublasLtMatmulAlgoGetHeuristic"};
  /// d = alpha * op(a) * op(b) + beta * c.
  Function<cublasLtHandle_t, cublasLtMatmulDesc_t, const void *, const void *,
           cublasLtMatrixLayout_t, const void *, cublasLtMatrixLayout_t, const void *, const void *,
           cublasLtMatrixLayout_t, void *, cublasLtMatrixLayout_t, const cublasLtMatmulAlgo_t *,
           void *, size_t, CUstream>
      matmul{*this, "cublasLtMatmul"};

private:
  CublasLt() = default;
  const char *words(int status) const override;

  void *getStatusString = nullptr;
};

} // namespace stc::runtime::cuda

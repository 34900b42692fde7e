//===- CublasLt.cpp - NVIDIA's library of dense products, opened at run time --------===//
#include "runtime/Device/Cuda/CublasLt.h"

namespace stc::runtime::cuda {

Result<std::unique_ptr<CublasLt>> CublasLt::open(const std::vector<std::string> &paths) {
  std::unique_ptr<CublasLt> blas(new CublasLt);
  blas->alsoFind("cublasLtGetStatusString", &blas->getStatusString);
  auto opened = blas->Library::open(paths, "cuBLASLt, which computes the program's dense products",
                                    "cuBLASLt of CUDA 12 or 13");
  if (!opened)
    return forward(opened);
  return blas;
}

const char *CublasLt::words(int status) const {
  return reinterpret_cast<const char *(*)(int)>(getStatusString)(status);
}

} // namespace stc::runtime::cuda

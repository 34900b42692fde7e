//===- Nccl.cpp - NVIDIA's library of exchange between GPUs, opened at run time -----===//
#include "runtime/Device/Cuda/Nccl.h"

namespace stc::runtime::cuda {

Result<std::unique_ptr<Nccl>> Nccl::open(const std::string &path) {
  std::unique_ptr<Nccl> nccl(new Nccl);
  nccl->alsoFind("ncclGetErrorString", &nccl->getErrorString);
  auto opened = nccl->Library::open({path}, "NCCL, by which GPUs exchange their parts", "NCCL 2");
  if (!opened)
    return forward(opened);
  return nccl;
}

const char *Nccl::words(int status) const {
  return reinterpret_cast<const char *(*)(int)>(getErrorString)(status);
}

} // namespace stc::runtime::cuda

//===- Driver.cpp - CUDA's driver, opened at run time -------------------------------===//
#include "runtime/Device/Cuda/Driver.h"

namespace stc::runtime::cuda {

Result<std::unique_ptr<Driver>> Driver::open(const std::string &path) {
  std::unique_ptr<Driver> driver(new Driver);
  driver->alsoFind("cuGetErrorString", &driver->getErrorString);
  auto opened =
      driver->Library::open({path}, "the CUDA driver", "a CUDA driver of version 12.4 or later");
  if (!opened)
    return forward(opened);
  return driver;
}

const char *Driver::words(CUresult status) const {
  const char *words = nullptr;
  reinterpret_cast<CUresult (*)(CUresult, const char **)>(getErrorString)(status, &words);
  return words;
}

} // namespace stc::runtime::cuda

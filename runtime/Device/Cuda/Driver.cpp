//===- Driver.cpp - CUDA's driver, opened at run time -------------------------------===//
#include "runtime/Device/Cuda/Driver.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace stc::runtime::cuda {

Result<std::unique_ptr<Driver>> Driver::open(const std::string &path) {
  std::unique_ptr<Driver> driver(new Driver);
  driver->library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!driver->library)
    return fail(fmt::format("cannot open the CUDA driver: {}", dlerror()), ErrorKind::Machine);
  driver->symbols.push_back({"cuGetErrorString", &driver->getErrorString});
  for (const Symbol &symbol : driver->symbols) {
    *symbol.address = dlsym(driver->library, symbol.name);
    if (!*symbol.address)
      return fail(fmt::format("expected a CUDA driver of version 12.4 or later, found {} without "
                              "{}",
                              path, symbol.name),
                  ErrorKind::Machine);
  }
  return driver;
}

Driver::~Driver() {
  if (library)
    dlclose(library);
}

Result<void> Driver::check(const char *symbol, CUresult status) const {
  if (status == 0)
    return {};
  std::string_view name = symbol;
  if (name.ends_with("_v2"))
    name.remove_suffix(3);
  // Its status is not checked: for a number that it does not know it gives no words.
  const char *words = nullptr;
  reinterpret_cast<CUresult (*)(CUresult, const char **)>(getErrorString)(status, &words);
  return fail(fmt::format("{}: {} (error {})", name, words ? words : "unknown", status),
              ErrorKind::Machine);
}

} // namespace stc::runtime::cuda

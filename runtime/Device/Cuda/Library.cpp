//===- Library.cpp - NVIDIA's libraries, opened at run time -------------------------===//
#include "runtime/Device/Cuda/Library.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <string_view>

namespace stc::runtime::cuda {

Result<void> Library::open(const std::vector<std::string> &paths, const std::string &what,
                           const std::string &expected) {
  std::string path, reason;
  for (size_t k = 0; k < paths.size() && !handle; ++k) {
    path = paths[k];
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      reason += (reason.empty() ? "" : "; ") + std::string(dlerror());
  }
  if (!handle)
    return fail(fmt::format("cannot open {}: {}", what, reason), ErrorKind::Machine);
  for (const Symbol &symbol : symbols) {
    *symbol.address = dlsym(handle, symbol.name);
    if (!*symbol.address)
      return fail(fmt::format("expected {}, found {} without {}", expected, path, symbol.name),
                  ErrorKind::Machine);
  }
  return {};
}

Library::~Library() {
  if (handle)
    dlclose(handle);
}

Result<void> Library::check(const char *symbol, int status) const {
  if (status == 0)
    return {};
  std::string_view name = symbol;
  if (name.ends_with("_v2"))
    name.remove_suffix(3);
  const char *said = words(status);
  return fail(fmt::format("{}: {} (error {})", name, said ? said : "unknown", status),
              ErrorKind::Machine);
}

} // namespace stc::runtime::cuda

//===- KernelLibrary.cpp - a program's generated code -----------------------------===//
#include "runtime/Device/Host/KernelLibrary.h"
#include "runtime/Support/CpuInfo.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace stc::runtime {

// The dynamic loader wants a file with a name; this one has no other name and no place on a disk.
Result<KernelLibrary::Handle> KernelLibrary::openFromMemory(std::span<const uint8_t> code) {
  int descriptor = memfd_create("stc-kernels", MFD_CLOEXEC);
  if (descriptor < 0)
    return fail(fmt::format("cannot make a file in memory: {}", std::strerror(errno)),
                ErrorKind::Machine);
  for (size_t written = 0; written < code.size();) {
    ssize_t count = write(descriptor, code.data() + written, code.size() - written);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0) {
      int error = errno;
      close(descriptor);
      return fail(fmt::format("cannot write a file in memory: {}", std::strerror(error)),
                  ErrorKind::Machine);
    }
    written += count;
  }
  void *handle = dlopen(fmt::format("/proc/self/fd/{}", descriptor).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    // The loader's words must be read before anything else calls it.
    std::string error = dlerror();
    close(descriptor);
    return fail(fmt::format("cannot load the program's code: {}", error));
  }
  return Handle(handle, Closer{descriptor});
}

void KernelLibrary::Closer::operator()(void *handle) const {
  dlclose(handle);
  close(descriptor);
}

const flatbuffers::String *missingFeature(const program::Program &program) {
  if (program.features()->size() == 0)
    return nullptr;
  std::set<std::string> features = cpuFeatures();
  for (const flatbuffers::String *feature : *program.features())
    if (!features.contains(feature->str()))
      return feature;
  return nullptr;
}

Result<KernelLibrary> KernelLibrary::load(const program::Program &program) {
  if (program.target()->str() != "host")
    return fail(fmt::format("this program was compiled for target '{}'; expected 'host'",
                            program.target()->str()),
                ErrorKind::Machine);
  if (const flatbuffers::String *feature = missingFeature(program))
    return fail(fmt::format("this program was compiled for CPU '{}' and needs the feature '{}', "
                            "which this machine does not have: compile it for this machine",
                            program.cpu()->str(), feature->str()),
                ErrorKind::Machine);
  KernelLibrary library;
  if (program.kernels()->size() == 0)
    return library;
  Result<Handle> handle = openFromMemory({program.code()->data(), program.code()->size()});
  if (!handle)
    return forward(handle);
  library.handle = std::move(*handle);
  for (const program::Kernel *kernel : *program.kernels()) {
    void *symbol = dlsym(library.handle.get(), kernel->symbol()->c_str());
    if (!symbol)
      return fail(fmt::format("expected kernel '{}' in the program's code, found none of that name",
                              kernel->symbol()->str()));
    library.functions.push_back(reinterpret_cast<KernelFunction>(symbol));
  }
  return library;
}

} // namespace stc::runtime

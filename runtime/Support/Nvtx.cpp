//===- Nvtx.cpp - ranges on the time line of a profiler ------------------------------===//
//
// https://github.com/NVIDIA/NVTX, c/include/nvtx3/nvtxDetail/nvtxTypes.h: the library exports
// InitializeInjectionNvtx2, which gets a function that finds our tables by their number.
//
//===----------------------------------------------------------------------===//
#include "runtime/Support/Nvtx.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <dlfcn.h>

namespace stc::runtime::nvtx {

namespace {

using Pointer = void (*)();
using Push = int (*)(const char *name);
using Pop = int (*)();

/// The modules of functions, by their numbers, and how many each has: core, CUDA, OpenCL, CUDA's
/// runtime, core 2 (domains), synchronization. Those of core that begin and end a range of a thread
/// are called; but a listener wants places for all.
constexpr std::array<unsigned, 7> functionCounts = {0, 16, 9, 15, 7, 16, 7};
constexpr unsigned core = 1, rangePush = 9, rangePop = 11;
using Functions = std::array<Pointer, 16>;
std::array<Functions, functionCounts.size()> functions;

/// Tells the listener where the functions of a module are to be written; there is no number 0.
int functionTable(unsigned module, Pointer ***table, unsigned *count) {
  static std::array<std::array<Pointer *, 16>, functionCounts.size()> places;
  if (module == 0 || module >= functionCounts.size())
    return 0;
  for (unsigned k = 1; k < functionCounts[module]; ++k)
    places[module][k] = &functions[module][k];
  *table = places[module].data();
  if (count)
    *count = functionCounts[module];
  return 1;
}

struct Callbacks {
  size_t bytes;
  int (*functionTable)(unsigned module, Pointer ***table, unsigned *count);
};
struct Version {
  size_t bytes;
  uint32_t version, reserved;
  void (*setListenerVersion)(uint32_t version);
};

const void *exportTable(uint32_t number) {
  static const Callbacks callbacks = {sizeof(Callbacks), functionTable};
  static const Version version = {sizeof(Version), 3, 0, [](uint32_t) {}};
  return number == 1 ? &callbacks : number == 3 ? static_cast<const void *>(&version) : nullptr;
}

/// Both functions, or neither.
struct Listener {
  Push push = nullptr;
  Pop pop = nullptr;

  Listener() {
    const char *path = std::getenv("NVTX_INJECTION64_PATH");
    void *library = path ? dlopen(path, RTLD_LAZY) : nullptr;
    if (!library)
      return;
    using Initialize = int (*)(const void *(*)(uint32_t));
    auto *initialize = reinterpret_cast<Initialize>(dlsym(library, "InitializeInjectionNvtx2"));
    const Functions &own = functions[core];
    if (!initialize || !initialize(exportTable) || !own[rangePush] || !own[rangePop])
      return;
    push = reinterpret_cast<Push>(own[rangePush]);
    pop = reinterpret_cast<Pop>(own[rangePop]);
  }
};

const Listener &listener() {
  static const Listener found;
  return found;
}

} // namespace

bool isListening() { return listener().push; }

Range::Range(const char *name) {
  if (isListening())
    listener().push(name);
}

Range::~Range() {
  if (isListening())
    listener().pop();
}

} // namespace stc::runtime::nvtx

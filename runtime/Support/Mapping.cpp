//===- Mapping.cpp - mapped files that shrink, temporary files --------------------------------===//
#include "runtime/Support/Mapping.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stc::runtime {

namespace {

/// Objects that a signal handler can go through. What finds no place is unknown to it.
template <class T> class Registry {
public:
  void add(const T *object) {
    for (std::atomic<const T *> &place : places) {
      const T *none = nullptr;
      if (place.compare_exchange_strong(none, object))
        return;
    }
  }
  void remove(const T *object) {
    for (std::atomic<const T *> &place : places) {
      const T *wanted = object;
      if (place.compare_exchange_strong(wanted, nullptr))
        return;
    }
  }
  template <class Use> void forEach(Use use) const {
    for (const std::atomic<const T *> &place : places)
      if (const T *object = place.load())
        use(*object);
  }

private:
  std::array<std::atomic<const T *>, 64> places = {};
};

constinit Registry<Mapping> mappings;
constinit Registry<Temporary> temporaries;

void say(const char *text) {
  if (write(STDERR_FILENO, text, std::strlen(text)) < 0)
    return; // nobody is there to be told
}

// Calls nothing that a signal handler must not.
void onBusError(int, siginfo_t *info, void *) {
  const auto *address = static_cast<const std::byte *>(info->si_addr);
  mappings.forEach([&](const Mapping &mapping) {
    if (address < mapping.data || address >= mapping.data + mapping.size)
      return;
    temporaries.forEach([](const Temporary &file) { unlink(file.path.c_str()); });
    say(program_invocation_short_name);
    say(": error: ");
    say(mapping.path.c_str());
    say(": cannot read: the file has shrunk, or its disk fails\n");
    _exit(exitCode(ErrorKind::Io));
  });
  // Somebody else's: the same access ends the process.
  signal(SIGBUS, SIG_DFL);
}

void catchBusErrors() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = onBusError;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, nullptr);
  });
}

} // namespace

Mapping::Mapping(std::string path, int descriptor, size_t size)
    : path(std::move(path)), size(size), descriptor(descriptor) {
  if (size == 0)
    return;
  void *mapping = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (mapping == MAP_FAILED)
    return;
  data = static_cast<const std::byte *>(mapping);
  catchBusErrors();
  mappings.add(this);
}

Mapping::~Mapping() {
  if (data) {
    mappings.remove(this);
    munmap(const_cast<std::byte *>(data), size);
  }
  close(descriptor);
}

Result<void> Mapping::check() const {
  struct stat status;
  if (fstat(descriptor, &status) == 0 && static_cast<size_t>(status.st_size) >= size)
    return {};
  return fail(fmt::format("{}: expected {} bytes, found {}: the file has shrunk", path, size,
                          status.st_size),
              ErrorKind::Io);
}

Result<void> checkMappings() {
  Result<void> result;
  mappings.forEach([&](const Mapping &mapping) {
    if (result)
      result = mapping.check();
  });
  return result;
}

Temporary::Temporary(std::string path) : path(std::move(path)) { temporaries.add(this); }

Temporary::~Temporary() {
  temporaries.remove(this);
  if (!released)
    unlink(path.c_str());
}

void Temporary::release() {
  temporaries.remove(this);
  released = true;
}

} // namespace stc::runtime

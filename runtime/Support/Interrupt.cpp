//===- Interrupt.cpp - stopping at a good moment ------------------------------------===//
#include "runtime/Support/Interrupt.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace stc::runtime {

namespace {

struct Noted {
  int signal;
  const char *name;
  bool insists; ///< a second one ends the process
};
// Systems send most of them more than once for one reason: a closed terminal is told by the kernel
// and by the shell, and SIGXCPU comes every second.
constexpr Noted noted[] = {{SIGINT, "SIGINT", true},    {SIGTERM, "SIGTERM", true},
                           {SIGHUP, "SIGHUP", false},   {SIGPIPE, "SIGPIPE", false},
                           {SIGXCPU, "SIGXCPU", false}, {SIGUSR1, "SIGUSR1", false},
                           {SIGUSR2, "SIGUSR2", false}};

volatile std::sig_atomic_t pending = 0;
// When each signal came first, in nanoseconds; 0 for not yet.
std::atomic<int64_t> first[NSIG];
static_assert(std::atomic<int64_t>::is_always_lock_free);

// `timeout` signals its child and then its group: two signals at once are one.
constexpr int64_t oneReason = 500'000'000;

int64_t now() {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

void note(int signal) {
  if (pending == 0)
    pending = signal;
  int64_t before = 0;
  first[signal].compare_exchange_strong(before, now());
}

void noteOrEnd(int signal) {
  int64_t before = first[signal].load();
  if (before == 0 || now() - before < oneReason)
    return note(signal);
  // Delivered when the handler returns.
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

} // namespace

void catchInterrupts() {
  for (const Noted &each : noted) {
    struct sigaction action = {};
    if (sigaction(each.signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN)
      continue;
    action.sa_handler = each.insists ? noteOrEnd : note;
    action.sa_flags = SA_RESTART;
    sigaction(each.signal, &action, nullptr);
  }
}

int pendingInterrupt() { return pending; }

const char *signalName(int signal) {
  for (const Noted &each : noted)
    if (each.signal == signal)
      return each.name;
  return "a signal";
}

} // namespace stc::runtime

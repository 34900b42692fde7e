//===- Interrupt.cpp - stopping at a good moment ------------------------------------===//
#include "runtime/Support/Interrupt.h"

#include <csignal>

namespace stc::runtime {

static volatile std::sig_atomic_t pending = 0;

void catchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) { pending = signal; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int pendingInterrupt() { return pending; }

} // namespace stc::runtime

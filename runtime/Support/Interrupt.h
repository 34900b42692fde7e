//===- Interrupt.h - stopping at a good moment --------------------------------------===//
#pragma once

namespace stc::runtime {

/// From here on the first SIGINT or SIGTERM is only noted; a second one ends the process.
void catchInterrupts();

/// The signal that was noted, 0 if none was.
int pendingInterrupt();

} // namespace stc::runtime

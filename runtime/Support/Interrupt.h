//===- Interrupt.h - stopping at a good moment --------------------------------------===//
#pragma once

namespace stc::runtime {

/// From here on signals that ask a process to end are only noted: SIGINT, SIGTERM, SIGHUP (the
/// terminal is gone), SIGPIPE (nobody reads the output), SIGXCPU (the time is used up), SIGUSR1 and
/// SIGUSR2 (which batch systems send ahead of the end). Those that whoever started the process
/// ignores, as nohup does with SIGHUP, stay ignored. A second SIGINT or SIGTERM, half a second or
/// more after the first, ends the process at once.
void catchInterrupts();

/// The first signal that was noted, 0 if none was.
int pendingInterrupt();

/// "SIGTERM".
const char *signalName(int signal);

} // namespace stc::runtime

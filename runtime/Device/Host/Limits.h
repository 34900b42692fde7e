//===- Limits.h - what the system lets a process have ------------------------------===//
//
// Machines are shared: control groups (versions 1 and 2, each group within its parents') and
// resource limits (ulimit) say less than what the machine has.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstdint>
#include <string>

namespace stc::runtime {

/// Bytes of memory that this process may still take before the machine, or a control group that it
/// is in, has none left; 0 if the system does not say. Pages that only cache files count as free.
/// `root` is the folder that has proc and sys.
uint64_t availableMemory(const std::string &root = "");

/// The cores that this process may use: those it may run on, and no more than the tightest quota of
/// a control group that it is in, rounded up. At least 1.
int availableCores(const std::string &root = "");

/// Bytes that this process may still map (RLIMIT_AS, RLIMIT_DATA); UINT64_MAX without a limit.
uint64_t availableAddressSpace();

/// The error (Machine) of a mapping that failed: what it wanted, and whether a limit or the system
/// (`code`, an errno) is in its way.
tl::unexpected<Error> cannotReserve(uint64_t bytes, int code);

} // namespace stc::runtime

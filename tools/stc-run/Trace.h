//===- Trace.h - the steps of a run on a time line -----------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"

#include <span>
#include <string_view>
#include <vector>

namespace stc::run {

/// One run of an entry, with the seconds of each of its steps.
struct TracedRun {
  const program::Entry *entry;
  std::vector<double> steps;
};

/// Writes runs as events of the Trace Event Format, which Perfetto and Chrome's about:tracing open:
/// a process for each entry, a thread for each kind of work, one step behind the other, each with
/// its size and its work; steps of the kind that goes on beside the others behind each other alone.
/// Error: Io.
runtime::Result<void> writeTrace(runtime::AtomicFile &file, const program::Program &program,
                                 std::span<const TracedRun> runs, std::string_view beside);

} // namespace stc::run

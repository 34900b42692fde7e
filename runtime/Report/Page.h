//===- Page.h - runs as one HTML page --------------------------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Report/RunRecord.h"
#include "runtime/Support/Error.h"

#include <span>
#include <string>

namespace stc::runtime {

/// As many runs as one page compares: there are no more colours.
inline constexpr size_t mostRuns = 4;

/// The page of one run, or of up to mostRuns beside each other: key numbers, curves, the pattern's
/// picture and the memory of the program where one is given, samples, settings. It needs no other
/// file and loads none. Every text of a run is escaped; pictures and sounds are embedded, and shown
/// as such only. Well-formed as HTML and as XML. Error: a sample that cannot be read.
Result<std::string> makePage(std::span<const RunRecord> runs, const program::Program *program);

} // namespace stc::runtime

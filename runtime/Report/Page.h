//===- Page.h - a run as one HTML page -------------------------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Report/RunRecord.h"
#include "runtime/Support/Error.h"

#include <string>

namespace stc::runtime {

/// The page: key numbers, curves, the pattern's picture and the memory of the program where one is
/// given, samples, settings. It needs no other file and loads none. Every text of the run is
/// escaped; pictures and sounds are embedded, and shown as such only. Well-formed as HTML and as
/// XML. Error: a sample that cannot be read.
Result<std::string> makePage(const RunRecord &record, const program::Program *program);

} // namespace stc::runtime

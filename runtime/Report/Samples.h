//===- Samples.h - a run's samples as markup ---------------------------------------------===//
#pragma once

#include "runtime/Report/RunRecord.h"
#include "runtime/Support/Error.h"

#include <string>

namespace stc::runtime {

/// Texts, pictures and sounds of a run, embedded: those that were drawn while it trained in the
/// order of their steps, of which the last one is open. Empty if there are none. Error: one cannot
/// be read.
Result<std::string> samplesOf(const RunRecord &run);

} // namespace stc::runtime

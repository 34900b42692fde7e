//===- Chunks.h - walks of a chunk's queries --------------------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/StcToTile/AttentionKernel.h"

namespace stc {

/// Makes a walk of a sequence of n positions one of the queries of a chunk and of the keys that are
/// there: rows of queries are counted from the chunk's first on, those of keys among these, and the
/// residue is the number of the chunk. `byKeys`: its tiles are of keys. Otherwise null, else what a
/// walk is expected to be.
const char *takeChunk(WalkForm &walk, const AttentionChunk &chunk, int64_t n, bool byKeys);

} // namespace stc

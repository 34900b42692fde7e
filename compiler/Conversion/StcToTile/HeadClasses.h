//===- HeadClasses.h - patterns of heads in one kernel ----------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/StcToTile/AttentionKernel.h"

namespace stc {

/// The walks of patterns that heads take in turn, as walks of all heads: where they differ in
/// constants alone, or in which of equal windows of a period one axis is compacted to. The item's
/// residue then comes from its head: h mod count, or the window of its head. A walk that is the same
/// for all patterns stays as it is. No value if the walks differ in more. Where they differ at all,
/// pairs and positions are those of one head of each pattern together.
std::optional<std::vector<WalkForm>>
mergedByHead(llvm::ArrayRef<llvm::ArrayRef<WalkForm>> patterns);

} // namespace stc

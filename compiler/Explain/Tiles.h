//===- Tiles.h - the tiles of each target, for explanations -----*- C++ -*-===//
#pragma once

#include "compiler/Explain/Explain.h"
#include "compiler/Schedule/HostSchedule.h"

namespace stc {

/// How the kernels of a target, "host", "sm_80" or "sm_90a", cut a walk; `vectors` are those of the
/// host's CPU. Another name is an error.
tl::expected<TileChooser, std::string> tilesOf(std::string_view target, const HostVectors &vectors);

} // namespace stc

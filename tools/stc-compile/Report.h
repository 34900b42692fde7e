//===- Report.h - what stc-compile tells a person ---------------*- C++ -*-===//
#pragma once

#include "compiler/Driver/Compilation.h"
#include "compiler/Explain/Explain.h"

namespace stc {

/// The patterns of a model, or of a module's functions, in words, with the tiles of the target.
std::string explainPatterns(const Input &input, const CompileOptions &options);
/// The memory that each entry of a planned module takes.
std::string explainMemory(mlir::ModuleOp planned);
/// The patterns as a picture (SVG), and what one position sees. Fails with a message.
tl::expected<std::string, std::string> picture(const Input &input,
                                               const std::optional<SeenFrom> &from);

} // namespace stc

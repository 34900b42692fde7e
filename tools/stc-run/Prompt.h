//===- Prompt.h - what sampling continues --------------------------------------------------===//
#pragma once

#include "runtime/Program/Settings.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace stc::run {

/// One of the two, or none.
struct PromptOptions {
  std::string text, file;
};

/// The bytes of the prompt, by the program's data.kind: a model of sounds continues a file of sound
/// (WAV, FLAC, Ogg Vorbis), at its data.rate; a model of text the bytes of a file; a model of
/// images the bytes of their first rows. Errors: a file that plainly is of another kind, or broken.
runtime::Result<std::vector<uint8_t>> readPrompt(const PromptOptions &options,
                                                 const runtime::Settings &settings);

} // namespace stc::run

//===- Sound.h - mu-law bytes as .wav files ---------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <cstdint>
#include <span>
#include <string>

namespace stc::runtime {

/// Writes mu-law bytes (runtime/Data/MuLaw.h) as a .wav file of 16-bit PCM, one channel, `rate`
/// samples a second; whole or not at all. Error also on more bytes than the format can count, 2
/// GiB.
Result<void> writeWav(const std::string &path, std::span<const uint8_t> muLaw, int64_t rate);

} // namespace stc::runtime

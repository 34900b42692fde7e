//===- MuLaw.h - sound in bytes -----------------------------------------------------------===//
//
// The mu-law companding of ITU-T G.711 with mu = 255, as the continuous formula that WaveNet
// (arXiv 1609.03499, Sec. 2.2) quantizes to 256 levels: byte = round(255 (F(x) + 1) / 2) with
// F(x) = sign(x) ln(1 + 255 |x|) / ln(256). Silence is byte 128. These bytes are not those of
// G.711's own 8-bit code, which is inverted and piecewise linear.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cmath>
#include <cstdint>

namespace stc::runtime {

inline constexpr uint8_t muLawSilence = 128;

/// A sample of [-1, 1], beyond which it is clipped, as a byte. What is not a number is -1.
inline uint8_t encodeMuLaw(float sample) {
  float clipped = sample > -1 ? (sample < 1 ? sample : 1) : -1;
  float companded = std::copysign(std::log1p(255 * std::abs(clipped)) / std::log(256.0f), clipped);
  return static_cast<uint8_t>((companded + 1) / 2 * 255 + 0.5f);
}

/// The sample of [-1, 1] at the middle of a byte's level.
inline float decodeMuLaw(uint8_t byte) {
  float companded = 2 * static_cast<float>(byte) / 255 - 1;
  return std::copysign((std::pow(256.0f, std::abs(companded)) - 1) / 255, companded);
}

} // namespace stc::runtime

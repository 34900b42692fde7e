//===- Sounds.h - what a file of sound says, for the tests ----------------------------------===//
#pragma once

#include "runtime/Data/Audio.h"
#include "tests/unit/Runtime/DataFiles.h"

#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

namespace stc::runtime::test {

struct Sound {
  int64_t rate = 0;
  std::vector<float> samples;
  std::string warning;
};

inline Result<Sound> decodeSound(const std::string &file, size_t piece = 1000) {
  auto reader = AudioReader::open(bytesOf(file));
  if (!reader)
    return forward(reader);
  Sound sound{(*reader)->rate(), {}, {}};
  std::vector<float> samples(piece);
  for (;;) {
    Result<size_t> count = (*reader)->read(samples);
    if (!count)
      return forward(count);
    if (*count == 0)
      break;
    sound.samples.insert(sound.samples.end(), samples.begin(), samples.begin() + *count);
  }
  sound.warning = (*reader)->warning();
  return sound;
}

inline std::string errorOf(const std::string &file) {
  auto sound = decodeSound(file);
  return sound ? "" : sound.error().message;
}

inline std::string warningOf(const std::string &file) {
  auto sound = decodeSound(file);
  return sound ? sound->warning : "error: " + sound.error().message;
}

inline std::vector<float> samplesOf(const std::string &file) {
  auto sound = decodeSound(file);
  return sound ? sound->samples : std::vector<float>{-100};
}

} // namespace stc::runtime::test

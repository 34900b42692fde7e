//===- Sounds.cpp - fuzzes WAV, FLAC and Ogg Vorbis --------------------------------===//
#include "runtime/Data/Audio.h"
#include "tests/fuzz/Fuzz.h"

#include <cmath>
#include <vector>

using namespace stc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto reader = runtime::AudioReader::open(fuzz::asBytes(data, size));
  if (!reader) {
    fuzz::requireOneLine(reader.error().message);
    return 0;
  }
  FUZZ_REQUIRE((*reader)->rate() >= 1 && (*reader)->rate() <= runtime::maxSampleRate, "rate");
  std::vector<float> samples(4096);
  for (;;) {
    auto count = (*reader)->read(samples);
    if (!count) {
      fuzz::requireOneLine(count.error().message);
      return 0;
    }
    if (*count == 0)
      return 0;
    FUZZ_REQUIRE(*count <= samples.size(), "count");
    for (size_t k = 0; k < *count; ++k)
      FUZZ_REQUIRE(std::isfinite(samples[k]), "sample");
  }
}

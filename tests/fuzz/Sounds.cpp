//===- Sounds.cpp - fuzzes WAV, FLAC and Ogg Vorbis --------------------------------===//
#include "runtime/Data/Audio.h"
#include "tests/fuzz/Fuzz.h"

#include <cmath>
#include <cstring>
#include <numeric>
#include <ogg/ogg.h>
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

// Keeps the checksums of Ogg's pages right, mostly: a header of 27 bytes, which ends in the number
// of segments, their lengths, the segments (RFC 3533, Sec. 6).
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  size = LLVMFuzzerMutate(data, size, maxSize);
  constexpr size_t fixed = 27;
  if (seed % 8 == 0)
    return size;
  for (size_t at = 0; size - at >= fixed && std::memcmp(data + at, "OggS", 4) == 0;) {
    size_t header = fixed + data[at + fixed - 1];
    if (header > size - at)
      break;
    size_t body = std::accumulate(data + at + fixed, data + at + header, size_t(0));
    if (body > size - at - header)
      break;
    ogg_page page = {data + at, long(header), data + at + header, long(body)};
    ogg_page_checksum_set(&page);
    at += header + body;
  }
  return size;
}

//===- Pictures.cpp - fuzzes PNG, JPEG, CIFAR-10's files and npz archives ----------===//
#include "runtime/Data/PictureSource.h"
#include "tests/fuzz/Fuzz.h"

#include <algorithm>
#include <cstring>
#include <zlib.h>

using namespace stc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto source = runtime::PictureSource::open(fuzz::asBytes(data, size));
  if (!source) {
    fuzz::requireOneLine(source.error().message);
    return 0;
  }
  // An archive may say that it has any number.
  constexpr int64_t most = 16;
  for (int64_t k = 0; k < std::min(most, (*source)->count()); ++k) {
    auto picture = (*source)->next();
    if (!picture) {
      fuzz::requireOneLine(picture.error().message);
      return 0;
    }
    FUZZ_REQUIRE(int64_t(picture->pixels.size()) == picture->height * picture->width * 3, "size");
    const runtime::PictureShape shape = {8, 6, k % 2 ? 1 : 3};
    for (runtime::PictureFit fit : {runtime::PictureFit{runtime::PictureFit::Scale, 1},
                                    runtime::PictureFit{runtime::PictureFit::Cut, 2}})
      if (auto records = fitPicture(*picture, shape, fit); !records)
        fuzz::requireOneLine(records.error().message);
      else
        FUZZ_REQUIRE(records->size() % shape.bytes() == 0, "records");
  }
  return 0;
}

// Keeps the checksums of PNG's chunks right, mostly: length, name, data, CRC, all numbers
// big-endian.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  size = LLVMFuzzerMutate(data, size, maxSize);
  constexpr size_t signature = 8, around = 12;
  if (seed % 8 == 0 || size < signature || std::memcmp(data, "\x89PNG", 4) != 0)
    return size;
  auto number = [&](size_t at) {
    return uint32_t(data[at]) << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3];
  };
  for (size_t at = signature; size - at >= around && number(at) <= size - at - around;) {
    size_t length = number(at), end = at + 8 + length;
    uint32_t sum = static_cast<uint32_t>(crc32_z(0, data + at + 4, length + 4));
    for (int byte = 0; byte < 4; ++byte)
      data[end + byte] = static_cast<uint8_t>(sum >> (24 - 8 * byte));
    at = end + 4;
  }
  return size;
}

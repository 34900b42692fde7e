//===- Npy.cpp - fuzzes NumPy's array files ----------------------------------------===//
#include "runtime/Data/NpyFile.h"
#include "tests/fuzz/Fuzz.h"

using namespace stc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto header = runtime::parseNpyHeader(fuzz::asBytes(data, size));
  if (!header) {
    fuzz::requireOneLine(header.error().message);
    return 0;
  }
  FUZZ_REQUIRE(header->dataStart <= int64_t(size) && header->dataBytes >= 0,
               runtime::describe(*header));
  return 0;
}

// Keeps the length of the header right, mostly.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  size = LLVMFuzzerMutate(data, size, maxSize);
  if (size > 10 && seed % 8 != 0) {
    size_t length = fuzz::headerLength(data, size, 10);
    data[8] = length & 0xff;
    data[9] = length >> 8 & 0xff;
  }
  return size;
}

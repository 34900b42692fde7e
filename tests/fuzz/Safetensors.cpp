//===- Safetensors.cpp - fuzzes files of weights -----------------------------------===//
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Program/Tensor.h"
#include "tests/fuzz/Fuzz.h"

#include <cstring>

using namespace stc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto tensors = runtime::readSafetensors(fuzz::asBytes(data, size));
  if (!tensors) {
    fuzz::requireOneLine(tensors.error().message);
    return 0;
  }
  // The data lie one behind the other at the end of the file, with the bytes that the shapes say.
  const std::byte *next = fuzz::asBytes(data, size).data() + size;
  for (size_t k = tensors->size(); k-- > 0;) {
    const runtime::NamedTensor &tensor = (*tensors)[k];
    size_t bytes = runtime::byteSize(tensor.dtype);
    for (int64_t extent : tensor.shape)
      bytes *= extent;
    FUZZ_REQUIRE(tensor.data.size() == bytes, tensor.name);
    next -= bytes;
    FUZZ_REQUIRE(tensor.data.data() == next, tensor.name);
  }
  return 0;
}

// Keeps the length of the header right, mostly.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  size = LLVMFuzzerMutate(data, size, maxSize);
  uint64_t length;
  if (size > sizeof(length) && seed % 8 != 0) {
    length = fuzz::headerLength(data, size, sizeof(length));
    std::memcpy(data, &length, sizeof(length));
  }
  return size;
}

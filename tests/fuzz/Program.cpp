//===- Program.cpp - fuzzes program files ------------------------------------------===//
//
// A program that is accepted has to be safe to describe, as `stc-run info` does. Its code is never
// loaded.
//
//===----------------------------------------------------------------------===//
#include "runtime/Program/ProgramFile.h"
#include "runtime/Program/Settings.h"
#include "runtime/Program/Signature.h"
#include "runtime/Report/Page.h"
#include "tests/fuzz/Fuzz.h"
#include "tools/stc-run/Describe.h"

#include <cstring>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace stc;

template <class T> static void requireOneLine(const runtime::Result<T> &result) {
  if (!result)
    fuzz::requireOneLine(result.error().message);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // A mapped file starts at a page.
  std::vector<uint64_t> copy((size + 7) / 8);
  if (size > 0)
    std::memcpy(copy.data(), data, size);
  auto program = runtime::readProgram(std::as_bytes(std::span(copy)).first(size));
  if (!program) {
    fuzz::requireOneLine(program.error().message);
    return 0;
  }
  constexpr int threads = 4;
  FUZZ_REQUIRE(!run::describeAsText(**program, threads).empty(), "info");
  FUZZ_REQUIRE(!run::describeAsJson(**program, threads).empty(), "info --json");
  const runtime::RunRecord untrained;
  FUZZ_REQUIRE(runtime::makePage(std::span(&untrained, 1), *program), "report");
  runtime::Settings settings(**program);
  for (const char *key : {"data.kind", "data.context", "train.learning_rate", "data.split"}) {
    requireOneLine(settings.text(key));
    requireOneLine(settings.integer(key));
    requireOneLine(settings.number(key));
    requireOneLine(settings.numbers(key, {}));
  }
  const runtime::Expected inputs[] = {{"x", program::DType::F32, {"rows", "columns"}}},
                          outputs[] = {{"q", program::DType::F32, {"rows", "rows"}}};
  for (const char *entry : {"f", "train_step"})
    requireOneLine(runtime::requireEntry(**program, entry, inputs, outputs));
  return 0;
}

// Keeps the header right, mostly: a mutated checksum would hide all that is behind it.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  constexpr size_t header = runtime::programHeaderBytes;
  if (seed % 16 == 0 || size <= header || maxSize <= header)
    return LLVMFuzzerMutate(data, size, maxSize);
  size = header + LLVMFuzzerMutate(data + header, size - header, maxSize - header);
  uint64_t length = size - header, checksum = XXH3_64bits(data + header, length);
  std::memcpy(data + 16, &length, sizeof(length));
  std::memcpy(data + 24, &checksum, sizeof(checksum));
  return size;
}

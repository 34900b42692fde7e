//===- Syntax.cpp - fuzzes the text of patterns, without a length ------------------===//
#include "compiler/Pattern/Pattern.h"
#include "tests/fuzz/Fuzz.h"

using namespace stc;
using pattern::Pattern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  auto error = Pattern::check(text);
  FUZZ_REQUIRE(!Pattern::factors(text).empty(), "factors");
  FUZZ_REQUIRE(Pattern::alignment(text) >= 0, "alignment");
  if (error) {
    fuzz::requireOneLine(error->message);
    FUZZ_REQUIRE(error->offset <= size, error->message);
    return 0;
  }
  for (const std::string &factor : Pattern::factors(text))
    FUZZ_REQUIRE(!Pattern::check(factor), factor);
  return 0;
}

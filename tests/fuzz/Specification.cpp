//===- Specification.cpp - fuzzes specifications -----------------------------------===//
#include "compiler/Spec/Spec.h"
#include "tests/fuzz/Fuzz.h"

#include <algorithm>

using namespace stc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  auto spec = spec::parseSpec(text, "models/fuzz.toml");
  if (!spec) {
    FUZZ_REQUIRE(!spec.error().empty(), "refused without an error");
    for (const spec::SpecError &error : spec.error()) {
      fuzz::requireOneLine(error.str());
      FUZZ_REQUIRE(error.line >= 0 && error.line <= 1 + std::ranges::count(text, '\n'),
                   error.str());
    }
    return 0;
  }
  FUZZ_REQUIRE(spec::countParameters(*spec) > 0, "parameters");
  FUZZ_REQUIRE(!spec::settings(*spec).empty(), "settings");
  FUZZ_REQUIRE(!spec::factors(spec->attention).empty(), "factors");
  FUZZ_REQUIRE(int64_t(spec::layerPatterns(*spec).size()) == spec->model.layers, "layers");
  for (const spec::PositionTable &table : spec::positionTables(*spec))
    FUZZ_REQUIRE(table.rows > 0 && table.divisor > 0, table.name);
  return 0;
}

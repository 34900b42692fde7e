//===- Vocabulary.cpp - the symbols that a model knows -------------------------------------===//
#include "runtime/Data/Vocabulary.h"

#include <fmt/format.h>
#include <limits>

namespace stc::runtime {

Result<Vocabulary> Vocabulary::of(const Settings &settings) {
  Result<int64_t> symbols = settings.integer("model.vocabulary", 256);
  if (!symbols)
    return forward(symbols);
  if (*symbols < 1 || *symbols >= std::numeric_limits<int32_t>::max())
    return fail(fmt::format("expected a size as setting 'model.vocabulary', found {}", *symbols));
  return Vocabulary(*symbols);
}

Result<void> Vocabulary::check(std::span<const uint8_t> bytes, const std::string &source,
                               int64_t offset) const {
  if (hasAllBytes())
    return {};
  auto wrong = std::ranges::find_if(bytes, [&](uint8_t byte) { return byte >= symbols; });
  if (wrong == bytes.end())
    return {};
  return fail(fmt::format("{}: expected bytes below the model's vocabulary of {}, found {} at "
                          "offset {}",
                          source, symbols, *wrong, offset + (wrong - bytes.begin())));
}

} // namespace stc::runtime

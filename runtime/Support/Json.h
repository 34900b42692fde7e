//===- Json.h - JSON out of files that may be wrong --------------------------------------===//
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace stc::runtime {

/// The value of a text; one that is_discarded() if it is no JSON, or nests deeper than any file of
/// ours: the library recurses where it prints and compares.
inline nlohmann::ordered_json parseJson(std::string_view text) {
  using nlohmann::ordered_json;
  constexpr int deepest = 32;
  bool tooDeep = false;
  auto watch = [&](int depth, ordered_json::parse_event_t, ordered_json &) {
    tooDeep |= depth > deepest;
    return !tooDeep;
  };
  ordered_json value = ordered_json::parse(text, watch, /*allow_exceptions=*/false);
  return tooDeep ? ordered_json(ordered_json::value_t::discarded) : value;
}

} // namespace stc::runtime

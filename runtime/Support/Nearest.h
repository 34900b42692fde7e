//===- Nearest.h - "did you mean" -----------------------------------------===//
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace stc {

/// The candidate that was probably meant by a misspelt word: the one with the smallest edit
/// distance (insertions, deletions, replacements, swaps of neighbors), if it is at most two, or a
/// third of the word's length, and less than the whole word.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

} // namespace stc

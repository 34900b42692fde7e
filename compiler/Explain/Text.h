//===- Text.h - numbers, lists and lines for a person ---------------------===//
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stc::text {

/// What a whole model has: layers times heads times the pairs of a pattern are more than 2^63.
using Count = __int128;

/// 1234567 as "1,234,567".
std::string grouped(Count number);
/// A ratio of at least 1 in two or three figures: "1.03", "3.9", "342".
std::string ratio(double value);
/// "1 layer", "12 layers".
std::string counted(int64_t count, std::string_view noun);
/// Indices below `count`, ascending, as "all 12 layers", "layer 3", "layers 0, 2, ..., 10 of 12".
std::string indices(std::span<const int64_t> found, int64_t count, std::string_view noun);

/// The text's lines, cut between words where they are longer than `width` bytes.
std::vector<std::string> wrapped(std::string_view text, size_t width);

/// "label   value", with the value's words wrapped and indented below each other.
std::string field(std::string_view label, std::string_view value);

/// Rows of cells, the first one a heading: the columns aligned to the right, two spaces apart.
std::string table(const std::vector<std::vector<std::string>> &rows);

} // namespace stc::text

//===- ListedRows.h - which range of a list has a row ---------------------===//
#pragma once

#include "compiler/Pattern/Pattern.h"

#include <array>

namespace stc::pattern::test {

/// For each row of the other axis, the number of that of a tile's ranges that has it: -1 where none
/// has, -2 where several have. Empty where there is no list.
inline std::vector<int64_t> listedNumbers(const Range &range, int64_t residue, int64_t tile,
                                          int64_t rows) {
  if (!range.listed)
    return {};
  std::vector<int64_t> numbers(rows, -1);
  std::array<int64_t, 3> at = {residue, tile, 0};
  const int64_t end = range.end.evaluate(at);
  for (int64_t &number = at[2] = range.begin.evaluate(at); number < end; ++number)
    for (int64_t row = range.lo.evaluate(at); row < range.hi.evaluate(at); ++row)
      numbers[row] = numbers[row] == -1 ? number : -2;
  return numbers;
}

} // namespace stc::pattern::test

//===- Pattern.cpp - holds patterns of short sequences against brute force ---------===//
//
// The first byte of an input gives the length, the second the tile, the rest is a pattern's text.
// What the library proves, counts and splits is compared with the pattern's own condition,
// evaluated for all pairs. "Unknown" is a right answer to everything.
//
//===----------------------------------------------------------------------===//
#include "compiler/Pattern/PatternImpl.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/unit/Pattern/ListedRows.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>

using namespace stc;
using namespace stc::pattern;
using Answer = Proof::Answer;

namespace {

constexpr int64_t maxLength = 64;

/// All pairs: row i holds its keys j.
struct Matrix {
  int64_t n;
  std::vector<std::bitset<maxLength>> rows;

  explicit Matrix(int64_t n) : n(n), rows(n) {}
  int64_t count() const {
    int64_t sum = 0;
    for (const auto &row : rows)
      sum += int64_t(row.count());
    return sum;
  }
};

std::string str(int64_t i, int64_t j) { return std::to_string(i) + ", " + std::to_string(j); }

//===----------------------------------------------------------------------===//
// Proofs
//===----------------------------------------------------------------------===//

/// holds(i, j): is this pair a counterexample?
template <class Holds> void checkProof(const Proof &proof, bool expected, Holds holds) {
  if (proof.answer == Answer::Unknown)
    return fuzz::requireOneLine(proof.reason);
  FUZZ_REQUIRE((proof.answer == Answer::True) == expected, expected ? "refuted" : "proved");
  if (expected)
    return;
  FUZZ_REQUIRE(proof.counterexample, "no counterexample");
  auto [i, j] = *proof.counterexample;
  FUZZ_REQUIRE(holds(i, j), str(i, j));
}

void checkProofs(const Pattern &pattern, const Matrix &matrix) {
  int64_t n = matrix.n;
  bool causal = true, anyEmpty = false;
  for (int64_t i = 0; i < n; ++i) {
    causal &= (matrix.rows[i] >> (i + 1)).none();
    anyEmpty |= matrix.rows[i].none();
  }
  checkProof(pattern.causal(), causal,
             [&](int64_t i, int64_t j) { return 0 <= i && i < j && j < n && matrix.rows[i][j]; });
  Proof noEmpty = pattern.noEmptyRow();
  checkProof(noEmpty, !anyEmpty, [&](int64_t i, int64_t j) {
    return 0 <= i && i < n && j == -1 && matrix.rows[i].none();
  });
  if (noEmpty.answer == Answer::True)
    FUZZ_REQUIRE(pattern.emptyRows().empty(), pattern.emptyRows());
}

/// Which j reach i through so many layers of the pattern.
Matrix reached(const Matrix &layer, int hops) {
  Matrix result(layer.n);
  for (int64_t i = 0; i < layer.n; ++i)
    result.rows[i].set(i);
  for (int hop = 0; hop < hops; ++hop) {
    Matrix next = result;
    for (int64_t i = 0; i < layer.n; ++i)
      for (int64_t m = 0; m < layer.n; ++m)
        if (layer.rows[i][m])
          next.rows[i] |= result.rows[m];
    result = std::move(next);
  }
  return result;
}

void checkReach(const Pattern &pattern, const Matrix &matrix) {
  constexpr int hops = 2;
  Matrix all = reached(matrix, hops);
  bool complete = true;
  for (int64_t i = 0; i < matrix.n; ++i)
    for (int64_t j = 0; j <= i; ++j)
      complete &= all.rows[i][j];
  checkProof(reaches({pattern, pattern, pattern}, hops).proof, complete, [&](int64_t i, int64_t j) {
    return 0 <= j && j <= i && i < matrix.n && !all.rows[i][j];
  });
}

//===----------------------------------------------------------------------===//
// Set notation
//===----------------------------------------------------------------------===//

/// isl's own reader, where it reads the text too, has to see the same pairs in it.
void checkNotation(const Pattern &pattern, const Matrix &matrix) {
  size_t begin = pattern.text().find_first_not_of(" \t\n\v\f\r");
  if (begin == std::string::npos || pattern.text()[begin] != '{')
    return;
  constexpr unsigned long budget = 100'000;
  Context context;
  auto different = context.ask(budget, [&]() -> std::optional<std::pair<int64_t, int64_t>> {
    std::string n = std::to_string(matrix.n);
    isl::map read =
        context.map("[n] -> " + pattern.text())
            .intersect(context.map("[n] -> { [i] -> [j] : n = " + n + " and 0 <= i, j < n }"));
    std::string pairs = "[n] -> { ";
    for (int64_t i = 0; i < matrix.n; ++i)
      for (int64_t j = 0; j < matrix.n; ++j)
        if (matrix.rows[i][j])
          pairs += "[" + std::to_string(i) + "] -> [" + std::to_string(j) + "]; ";
    isl::map mine =
        context.map(pairs + "}").intersect(context.map("[n] -> { [i] -> [j] : n = " + n + " }"));
    isl::map off = read.subtract(mine).unite(mine.subtract(read));
    if (off.is_empty())
      return std::nullopt;
    isl::point point = off.wrap().flatten().sample_point();
    return std::pair(coordinateOfPoint(point, 0), coordinateOfPoint(point, 1));
  });
  if (different && *different)
    FUZZ_REQUIRE(false, "isl reads otherwise: " + str((*different)->first, (*different)->second));
}

//===----------------------------------------------------------------------===//
// Walks
//===----------------------------------------------------------------------===//

/// The axis that is cut into tiles, the other, and from the residues of the first to the second's.
struct Axes {
  const View &tiled, &other;
  ResidueMap residues;
  int64_t n;
};

/// holds(r, a, b): a pair of residue r, row a of the axis that is cut into tiles, row b of the
/// other; number(r, a, b) tells several ranges apart.
template <class Holds, class Number>
void checkRange(const Range &range, const Axes &axes, int64_t tile, Holds holds, Number number) {
  const auto &[tiled, other, residues, n] = axes;
  for (int64_t r = 0; r < tiled.residues; ++r)
    for (int64_t t = 0; t * tile < tiled.maxRows(n); ++t) {
      std::array<int64_t, 3> at = {r, t, 0};
      const int64_t rows = other.rows(n, residues.at(r, other.residues));
      const int64_t begin = range.begin.evaluate(at), end = range.end.evaluate(at);
      const int64_t own = std::min(tiled.rows(n, r), t * tile + tile);
      const auto listed = test::listedNumbers(range, r, t, rows);
      auto numberOf = [&](int64_t a, int64_t b) {
        return range.listed ? listed[b] : number(r, a, b);
      };
      for (int64_t a = t * tile; range.isSeveral && a < own; ++a)
        for (int64_t b = 0; b < rows; ++b)
          FUZZ_REQUIRE(!holds(r, a, b) || (begin <= numberOf(a, b) && numberOf(a, b) < end),
                       "ranges " + str(begin, end) + " leave out " + str(a, b));
      for (int64_t &m = at[2] = begin; m < end; ++m) {
        int64_t lo = range.lo.evaluate(at), fullLo = range.fullLo.evaluate(at);
        int64_t hi = range.hi.evaluate(at), fullHi = range.fullHi.evaluate(at);
        std::string what = "tile " + str(r, t) + " " + std::to_string(m) + ": " + str(lo, fullLo) +
                           ", " + str(fullHi, hi);
        if (lo < hi)
          FUZZ_REQUIRE(0 <= lo && lo <= fullLo && fullLo <= fullHi && fullHi <= hi && hi <= rows,
                       what);
        else
          FUZZ_REQUIRE(fullLo == lo && fullHi == lo, what);
        FUZZ_REQUIRE(!range.isSeveral || hi - lo <= range.longest.evaluate(at), what);
        for (int64_t b = 0; b < rows; ++b) {
          bool any = false, all = true;
          for (int64_t a = t * tile; a < own; ++a) {
            const bool is = holds(r, a, b) && (!range.isSeveral || numberOf(a, b) == m);
            (is ? any : all) = is;
          }
          FUZZ_REQUIRE(!any || (lo <= b && b < hi), what + " leaves out " + std::to_string(b));
          FUZZ_REQUIRE(all || b < fullLo || fullHi <= b, what + " is not full");
        }
      }
    }
}

/// The segment's pairs, which no segment before it had.
Matrix pairsOf(const Segment &segment, Matrix &seen) {
  int64_t n = seen.n;
  Matrix part(n);
  for (int64_t r = 0; r < segment.query.residues; ++r)
    for (int64_t a = 0; a < segment.query.rows(n, r); ++a)
      for (int64_t b = 0; b < segment.key.rows(n, segment.keyResidue(r)); ++b) {
        if (!segment.predicate.evaluate(std::array{r, a, b}))
          continue;
        int64_t i = segment.query.position(r, a);
        int64_t j = segment.key.position(segment.keyResidue(r), b);
        FUZZ_REQUIRE(0 <= i && i < n && 0 <= j && j < n && !seen.rows[i][j],
                     segment.text + ": " + str(i, j));
        seen.rows[i].set(j);
        part.rows[i].set(j);
      }
  return part;
}

void checkSegment(const Segment &segment, const Matrix &part, int64_t tile) {
  int64_t n = part.n;
  auto holds = [&](int64_t r, int64_t a, int64_t b) {
    return bool(
        part.rows[segment.query.position(r, a)][segment.key.position(segment.keyResidue(r), b)]);
  };
  const ResidueMap back = segment.residues.inverse(segment.key.residues);
  auto number = [&](int64_t r, int64_t a, int64_t b) {
    return segment.numbered ? segment.numbered->number.evaluate(std::array{r, a, b}) : 0;
  };
  checkRange(segment.keysOf(tile), {segment.query, segment.key, segment.residues, n}, tile, holds,
             number);
  checkRange(
      segment.queriesOf(tile), {segment.key, segment.query, back, n}, tile,
      [&](int64_t s, int64_t b, int64_t a) {
        return holds(back.at(s, segment.key.residues), a, b);
      },
      [&](int64_t s, int64_t b, int64_t a) {
        return number(back.at(s, segment.key.residues), a, b);
      });
  Walk alone = {segment.query, {segment}};
  int64_t pairs = part.count();
  FUZZ_REQUIRE(countPairs(alone).value_or(pairs) == pairs, segment.text);
  FUZZ_REQUIRE(countTiles(alone, n, tile, tile).pairs >= pairs, segment.text);
  // A person may read the part's text back, where it is not too long for that.
  if (auto text = Pattern::parse(segment.text, n))
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        FUZZ_REQUIRE(text->contains(i, j) == part.rows[i][j], segment.text + ": " + str(i, j));
}

void checkWalks(const Pattern &pattern, const Matrix &matrix, int64_t tile) {
  Matrix seen(matrix.n);
  for (const Walk &walk : pattern.walks())
    for (const Segment &segment : walk.segments) {
      FUZZ_REQUIRE(walk.query == segment.query, segment.text);
      checkSegment(segment, pairsOf(segment, seen), tile);
    }
  for (int64_t i = 0; i < matrix.n; ++i)
    FUZZ_REQUIRE(seen.rows[i] == matrix.rows[i], "row " + std::to_string(i));
  FUZZ_REQUIRE(pattern.countPairs().value_or(matrix.count()) == matrix.count(), "pairs");
}

} // namespace

// isl 0.25 loses some bytes where it gives up at the end of a budget.
extern "C" const char *__lsan_default_suppressions() { return "leak:libisl"; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  int64_t n = 1 + data[0] % maxLength, tile = 1 + data[1] % 16;
  std::string_view text(reinterpret_cast<const char *>(data) + 2, size - 2);
  auto pattern = Pattern::parse(text, n);
  if (!pattern) {
    fuzz::requireOneLine(pattern.error().message);
    return 0;
  }
  Matrix matrix(n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      matrix.rows[i][j] = pattern->contains(i, j);
  checkNotation(*pattern, matrix);
  checkProofs(*pattern, matrix);
  checkReach(*pattern, matrix);
  checkWalks(*pattern, matrix, tile);
  return 0;
}

// A number for another one, or any mutation.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  auto isDigit = [](uint8_t c) { return c >= '0' && c <= '9'; };
  std::vector<std::pair<size_t, size_t>> numbers;
  for (size_t begin = 2, end; begin < size; begin = end + 1) {
    for (end = begin; end < size && isDigit(data[end]); ++end)
      ;
    if (end > begin)
      numbers.emplace_back(begin, end);
  }
  if (numbers.empty() || seed % 3 != 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  auto [begin, end] = numbers[seed / 3 % numbers.size()];
  std::string number = std::to_string(seed / 1024 % (seed % 2 ? 10 : 100));
  size_t changed = size - (end - begin) + number.size();
  if (changed > maxSize)
    return size;
  std::memmove(data + begin + number.size(), data + end, size - end);
  std::memcpy(data + begin, number.data(), number.size());
  return changed;
}

// Two patterns as one, as long as it takes isl no time worth speaking of.
extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
                                            const uint8_t *data2, size_t size2, uint8_t *out,
                                            size_t maxSize, unsigned seed) {
  if (size1 < 2 || size2 < 2)
    return 0;
  auto text = [](const uint8_t *data, size_t size) {
    return std::string(reinterpret_cast<const char *>(data), size);
  };
  std::string both = text(data1, 2) + "(" + text(data1 + 2, size1 - 2) + ")" +
                     std::array{" | ", " & ", " - "}[seed % 3] + "(" + text(data2 + 2, size2 - 2) +
                     ")";
  constexpr size_t longest = 250;
  if (both.size() > std::min(maxSize, longest))
    return 0;
  std::memcpy(out, both.data(), both.size());
  return both.size();
}

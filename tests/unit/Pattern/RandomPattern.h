//===- RandomPattern.h - random patterns with an independent definition ---===//
//
// A text for the library and, beside it, a predicate in plain C++ to hold it against.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace stc::pattern::test {

struct RandomPattern {
  std::string text;
  std::function<bool(int64_t i, int64_t j)> holds;
};

class Generator {
public:
  explicit Generator(uint64_t seed) : random(seed) {}

  int64_t number(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  }

  /// An expression of named constructors and set notation, at most `depth` operators deep.
  RandomPattern expression(int depth) {
    if (depth == 0 || number(0, 3) == 0)
      return number(0, 2) ? constructor() : setNotation();
    RandomPattern a = expression(depth - 1), b = expression(depth - 1);
    auto [p, q] = std::pair(a.holds, b.holds);
    switch (number(0, 3)) {
    case 0:
      return {"(" + a.text + ") & (" + b.text + ")",
              [=](int64_t i, int64_t j) { return p(i, j) && q(i, j); }};
    case 1:
      return {a.text + " - (" + b.text + ")",
              [=](int64_t i, int64_t j) { return p(i, j) && !q(i, j); }};
    default:
      return {a.text + " | (" + b.text + ")",
              [=](int64_t i, int64_t j) { return p(i, j) || q(i, j); }};
    }
  }

  /// A named pattern with periods up to `most`.
  RandomPattern constructor(int64_t most = 9) {
    int64_t l = number(1, most), c = number(1, l);
    auto S = [](int64_t value) { return std::to_string(value); };
    switch (number(0, 9)) {
    case 0:
      return {"dense", [](int64_t i, int64_t j) { return j <= i; }};
    case 1:
      return {"local(" + S(l - 1) + ")", [=](int64_t i, int64_t j) { return j <= i && i - j < l; }};
    case 2:
      return {"stride(" + S(l) + ")",
              [=](int64_t i, int64_t j) { return j <= i && (i - j) % l == 0; }};
    case 3:
      return {"strided(" + S(l) + ")",
              [=](int64_t i, int64_t j) { return j <= i && (i - j <= l || (i - j) % l == 0); }};
    case 4:
      return {"block(" + S(l) + ")",
              [=](int64_t i, int64_t j) { return j <= i && i / l == j / l; }};
    case 5:
      return {"summary(" + S(l) + ", " + S(c) + ")",
              [=](int64_t i, int64_t j) { return j <= i && j % l >= l - c; }};
    case 6: {
      int64_t k = number(1, 4);
      return {"blocks(" + S(l) + ", " + S(k) + ")",
              [=](int64_t i, int64_t j) { return j <= i && (i / l - j / l) % k == 0; }};
    }
    case 7:
      return {"fixed(" + S(l) + "," + S(c) + ")",
              [=](int64_t i, int64_t j) { return j <= i && (i / l == j / l || j % l >= l - c); }};
    case 8:
      return composed(l, c, most);
    default:
      return {"sinks(" + S(l) + ")", [=](int64_t i, int64_t j) { return j <= i && j < l; }};
    }
  }

  /// Affine forms, remainders and floors of i and j; one in four is not causal.
  RandomPattern setNotation() {
    RandomPattern atom = formula();
    auto holds = atom.holds;
    if (number(0, 3) == 0)
      return {"{ [i] -> [j] : " + atom.text + " }", holds};
    return {"{ [i] -> [j] : j <= i and (" + atom.text + ") }",
            [=](int64_t i, int64_t j) { return j <= i && holds(i, j); }};
  }

  /// Bands, lattices and patches: the residues of the keys that a query meets are not its own.
  /// Cells have up to `most` positions.
  RandomPattern shiftedResidues(int64_t most = 6) {
    int64_t m = number(3, most), k = number(3, 5), r = number(0, 1);
    auto S = [](int64_t value) { return std::to_string(value); };
    auto causal = [](std::string text, std::function<bool(int64_t, int64_t)> holds) {
      return RandomPattern{"{ [i] -> [j] : j <= i and " + text + " }",
                           [=](int64_t i, int64_t j) { return j <= i && holds(i, j); }};
    };
    switch (number(0, 3)) {
    case 0: {
      int64_t a = number(1, m - 1), b = number(1, m - 1);
      return causal("(" + S(a) + "i + " + S(b) + "j) mod " + S(m) + " <= " + S(r),
                    [=](int64_t i, int64_t j) { return (a * i + b * j) % m <= r; });
    }
    case 1: {
      int64_t period = m * k, width = number(1, m - 1);
      return causal("(i - j) mod " + S(period) + " <= " + S(width),
                    [=](int64_t i, int64_t j) { return modulo(i - j, period) <= width; });
    }
    case 2: {
      int64_t width = m * k, side = number(1, m - 1);
      return causal("floor(i/" + S(width) + ") - floor(j/" + S(width) + ") <= " + S(k) + " and " +
                        S(-side) + " <= i mod " + S(width) + " - j mod " + S(width) +
                        " <= " + S(side),
                    [=](int64_t i, int64_t j) {
                      return i / width - j / width <= k && std::abs(i % width - j % width) <= side;
                    });
    }
    default: {
      int64_t sign = number(0, 1) ? 1 : -1, shift = number(1, k - 1);
      return causal(
          "(floor(i/" + S(m) + ")" + (sign > 0 ? " + " : " - ") + "floor(j/" + S(m) + ")) mod " +
              S(k) + " = " + S(shift),
          [=](int64_t i, int64_t j) { return modulo(i / m + sign * (j / m), k) == shift; });
    }
    }
  }

private:
  /// A name that stands for several conditions at once. isl takes longer for these: they are rare.
  RandomPattern composed(int64_t l, int64_t c, int64_t most) {
    auto S = [](int64_t value) { return std::to_string(value); };
    switch (number(0, 4)) {
    case 0: {
      int64_t d = number(1, 5);
      return {"dilated(" + S(l) + ", " + S(d) + ")",
              [=](int64_t i, int64_t j) { return j <= i && (i - j) % d == 0 && (i - j) / d < l; }};
    }
    case 1:
      return {"global(" + S(c) + ", " + S(l) + ")",
              [=](int64_t i, int64_t j) { return j <= i && (i % l < c || j % l < c); }};
    case 2:
      return {"axial(" + S(l) + ")",
              [=](int64_t i, int64_t j) { return j <= i && (i / l == j / l || i % l == j % l); }};
    case 3:
      return longnet(l, number(2, 4), number(0, 1) ? number(0, most) : 0);
    default:
      return neighborhood(number(1, 9), l);
    }
  }

  static RandomPattern longnet(int64_t w, int64_t a, int64_t s) {
    std::string text = "longnet(" + std::to_string(w) + ", " + std::to_string(a);
    if (s > 0)
      text += ", " + std::to_string(s);
    return {text + ")", [=](int64_t i, int64_t j) {
              int64_t segment = w, every = 1;
              for (; modulo(i - s, every) == 0 && modulo(j - s, every) == 0;
                   segment *= a, every *= a)
                if (i / segment == j / segment)
                  return j <= i;
              return false;
            }};
  }

  RandomPattern neighborhood(int64_t h, int64_t w) {
    int64_t up = number(0, 4), side = number(0, 3);
    bool isSquare = number(0, 1);
    if (isSquare)
      side = up;
    auto S = [](int64_t value) { return std::to_string(value); };
    return {"neighborhood(" + S(h) + ", " + S(w) + ", " + S(2 * up + 1) +
                (isSquare ? "" : ", " + S(2 * side + 1)) + ")",
            [=](int64_t i, int64_t j) {
              return j <= i && i / (h * w) == j / (h * w) && i / w - j / w <= up &&
                     std::abs(i % w - j % w) <= side;
            }};
  }

  static int64_t modulo(int64_t a, int64_t b) { return ((a % b) + b) % b; }

  RandomPattern formula() {
    int64_t a = number(-3, 3), b = number(-3, 3), m = number(2, 7), r = number(0, m - 1);
    int64_t k = number(-9, 9), w = number(0, 3);
    auto S = [](int64_t value) { return std::to_string(value); };
    std::string linear = S(a) + "*i + " + S(b) + "*j";
    switch (number(0, 7)) {
    case 0:
      return {"(" + linear + ") mod " + S(m) + " = " + S(r),
              [=](int64_t i, int64_t j) { return modulo(a * i + b * j, m) == r; }};
    case 1:
      return {linear + " >= " + S(k), [=](int64_t i, int64_t j) { return a * i + b * j >= k; }};
    case 2:
      return {"0 <= floor(i/" + S(m) + ") - floor(j/" + S(m) + ") <= " + S(w),
              [=](int64_t i, int64_t j) { return 0 <= i / m - j / m && i / m - j / m <= w; }};
    case 3:
      return {"i mod " + S(m) + " <= " + S(r) + " and i - j <= " + S(w + 6),
              [=](int64_t i, int64_t j) { return i % m <= r && i - j <= w + 6; }};
    case 4:
      return {"exists a : i - j = " + S(m) + "a + " + S(w),
              [=](int64_t i, int64_t j) { return modulo(i - j - w, m) == 0; }};
    case 5:
      return {"i = j or j mod " + S(m) + " = " + S(r) + " or i mod " + S(m) + " = " + S(r),
              [=](int64_t i, int64_t j) { return i == j || j % m == r || i % m == r; }};
    case 6: { // every so many-th block of positions
      int64_t blocks = number(2, 4), sign = number(0, 1) ? 1 : -1;
      return {"(floor(i/" + S(m) + ")" + (sign > 0 ? " + " : " - ") + "floor(j/" + S(m) +
                  ")) mod " + S(blocks) + (w ? " = " : " <= ") + S(r % blocks * (r % 2)),
              [=](int64_t i, int64_t j) {
                int64_t rest = modulo(i / m + sign * (j / m), blocks);
                return w ? rest == r % blocks * (r % 2) : rest <= r % blocks * (r % 2);
              }};
    }
    default: {
      RandomPattern p = formula(), q = formula();
      auto [f, g] = std::pair(p.holds, q.holds);
      if (number(0, 1))
        return {"(" + p.text + ") and (" + q.text + ")",
                [=](int64_t i, int64_t j) { return f(i, j) && g(i, j); }};
      return {"(" + p.text + ") or (" + q.text + ")",
              [=](int64_t i, int64_t j) { return f(i, j) || g(i, j); }};
    }
    }
  }

  std::mt19937_64 random;
};

} // namespace stc::pattern::test

//===- View.cpp - changes of coordinates of one axis ----------------------===//

#include "compiler/Pattern/Linear.h"
#include "compiler/Pattern/PatternImpl.h"

using namespace stc::pattern;

int64_t View::position(int64_t residue, int64_t row) const {
  return period * floorDivide(row, width) + first + residue + floorModulo(row, width);
}

int64_t View::rows(int64_t n, int64_t residue) const {
  int64_t left = n - first - residue;
  return left <= 0 ? 0 : left / period * width + std::min(width, left % period);
}

std::string View::str() const {
  if (isIdentity())
    return "every position";
  std::string text = "positions " + std::to_string(period) + "*";
  text += width == 1 ? "a" : "floor(a/" + std::to_string(width) + ")";
  if (first)
    text += " + " + std::to_string(first);
  if (residues > 1)
    text += " + r, r < " + std::to_string(residues);
  if (width > 1)
    text += " + a mod " + std::to_string(width);
  return text;
}

std::string stc::pattern::viewConstraints(const View &view, const std::string &position,
                                          const std::string &row) {
  std::string text = position + " = " + row;
  if (view.width > 1)
    text += " + " + std::to_string(view.period - view.width) + "*floor(" + row + "/" +
            std::to_string(view.width) + ")";
  else
    text = position + " = " + std::to_string(view.period) + "*" + row;
  return text + " + " + std::to_string(view.first) + " + r and " + row + " >= 0 and 0 <= r < " +
         std::to_string(view.residues);
}

std::string stc::pattern::axesText(const View &query, const View &key, int64_t n) {
  auto axis = [n](const View &view, const std::string &row) {
    std::string text = "0 <= r < " + std::to_string(view.residues) + " and 0 <= " + row;
    if (view.residues == 1)
      return text + " < " + std::to_string(view.rows(n, 0));
    return text + " and " + std::to_string(view.period) + "*" + row + " + r < " +
           std::to_string(n - view.first);
  };
  return "{ [r, a, b] : " + axis(query, "a") + " and " + axis(key, "b") + " }";
}

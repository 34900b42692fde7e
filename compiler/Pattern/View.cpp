//===- View.cpp - changes of coordinates of one axis ----------------------===//

#include "compiler/Pattern/Linear.h"
#include "compiler/Pattern/PatternImpl.h"

using namespace stc::pattern;

int64_t View::position(int64_t residue, int64_t row) const {
  if (together > 1)
    return period * (row % rowsEach) + first + residue * together + row / rowsEach;
  return period * floorDivide(row, width) + first + width * residue + floorModulo(row, width);
}

int64_t View::rows(int64_t n, int64_t residue) const {
  if (together > 1)
    return together * rowsEach;
  int64_t left = n - first - width * residue;
  return left <= 0 ? 0 : left / period * width + std::min(width, left % period);
}

Expr View::rowsOf(int64_t n) const {
  if (rows(n, residues - 1) == maxRows(n))
    return Expr::constant(maxRows(n));
  Expr left = Expr::constant(n - first) - Expr::variable(0) * width;
  if (first + width * residues > n)
    left = Expr::max(left, Expr::constant(0));
  if (width == 1)
    return (left + Expr::constant(period - 1)).floorDiv(period);
  Expr blocks = left.floorDiv(period), rest = left - blocks * period;
  return blocks * width + Expr::min(Expr::constant(width), rest);
}

int64_t View::positions(int64_t n) const {
  int64_t sum = 0;
  for (int64_t residue = 0; residue < residues; ++residue)
    sum += rows(n, residue);
  return sum;
}

View View::packed(int64_t n, int64_t most) const {
  if (width != 1 || residues != period || first != 0 || together > 1 || n % period != 0)
    return *this;
  View view = *this;
  view.rowsEach = n / period;
  for (int64_t count = std::min(residues, most / view.rowsEach); count > 1; --count)
    if (residues % count == 0) {
      view.together = count;
      view.residues = residues / count;
      return view;
    }
  return *this;
}

std::string View::str() const { return str(ResidueMap()); }

std::string View::str(const ResidueMap &map) const {
  if (isIdentity())
    return "every position";
  std::string text = "positions " + std::to_string(period) + "*";
  text += width == 1 ? "a" : "floor(a/" + std::to_string(width) + ")";
  if (first)
    text += " + " + std::to_string(first);
  if (together > 1)
    return text + " + r, " + std::to_string(together) + " of " +
           std::to_string(residues * together) + " r side by side";
  if (width > 1)
    text += " + a mod " + std::to_string(width);
  if (residues > 1) {
    const std::string residue = map.isIdentity() ? "r" : "s";
    text += " + " + (width == 1 ? residue : std::to_string(width) + "*" + residue);
    text += map.isIdentity() ? ", r < " + std::to_string(residues) : ", s = " + map.str(residues);
  }
  return text;
}

int64_t ResidueMap::at(int64_t residue, int64_t residues) const {
  return isIdentity() ? residue : (factor * residue + shift) % residues;
}

Expr ResidueMap::at(const Expr &residue, int64_t residues) const {
  return isIdentity() ? residue : (residue * factor + Expr::constant(shift)).mod(residues);
}

ResidueMap ResidueMap::inverse(int64_t residues) const {
  if (isIdentity())
    return *this;
  int64_t back = 1;
  while (back * factor % residues != 1)
    ++back;
  return {back, (residues - shift) % residues * back % residues};
}

std::string ResidueMap::str(int64_t residues) const {
  if (isIdentity())
    return "r";
  std::string text = factor == 1 ? "(r" : "(" + std::to_string(factor) + "*r";
  if (shift)
    text += " + " + std::to_string(shift);
  return text + ") mod " + std::to_string(residues);
}

Expr stc::pattern::coordinateOf(const View &view, const Expr &row) {
  if (view.width == 1)
    return row;
  return row + row.floorDiv(view.width) * (view.period - view.width) + Expr::constant(view.first);
}

Expr stc::pattern::rowOf(const View &view, const Expr &coordinate) {
  if (view.width == 1)
    return coordinate;
  if (coordinate.kind() == Expr::Kind::Select) {
    auto parts = coordinate.operands();
    return Expr::select(parts[0], rowOf(view, parts[1]), rowOf(view, parts[2]));
  }
  Expr past = coordinate - Expr::constant(view.first);
  return past - past.floorDiv(view.period) * (view.period - view.width);
}

/// The coordinates x of a view that are the positions of its first residue.
static std::string windowConstraint(const View &view, const std::string &x) {
  std::string first = std::to_string(view.first);
  return x + " >= " + first + " and (" + x + " - " + first + ") mod " +
         std::to_string(view.period) + " < " + std::to_string(view.width);
}

static std::string residueConstraint(const View &view) {
  return "0 <= r < " + std::to_string(view.residues);
}

/// The residue that a map takes r to, times a number.
static std::string residueTimes(int64_t factor, ResidueMap residues, const View &view) {
  std::string residue = residues.str(view.residues);
  if (!residues.isIdentity())
    residue = "(" + residue + ")";
  return factor == 1 ? residue : std::to_string(factor) + "*" + residue;
}

std::string stc::pattern::positionText(const View &view, const std::string &x,
                                       ResidueMap residues) {
  std::string offset = residueTimes(view.width, residues, view);
  if (view.width > 1)
    return x + " + " + offset;
  return std::to_string(view.period) + "*" + x + " + " + std::to_string(view.first) + " + " +
         offset;
}

std::string stc::pattern::viewConstraints(const View &view, const std::string &position,
                                          const std::string &x, ResidueMap residues) {
  return position + " = " + positionText(view, x, residues) + " and " + residueConstraint(view) +
         " and " + (view.width > 1 ? windowConstraint(view, x) : x + " >= 0");
}

std::string stc::pattern::axisConstraints(const View &view, const std::string &x, int64_t n,
                                          ResidueMap residues) {
  std::string offset = residueTimes(view.width, residues, view);
  if (view.width > 1)
    return residueConstraint(view) + " and " + windowConstraint(view, x) + " and " + x + " + " +
           offset + " < " + std::to_string(n);
  std::string text = residueConstraint(view) + " and 0 <= " + x;
  if (view.residues == 1)
    return text + " < " + std::to_string(view.rows(n, 0));
  return text + " and " + std::to_string(view.period) + "*" + x + " + " + offset + " < " +
         std::to_string(n - view.first);
}

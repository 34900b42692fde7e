//===- Axes.cpp - two axes of a part in isl's coordinates -----------------===//

#include "compiler/Pattern/PatternImpl.h"

#include <isl/aff.h>
#include <isl/map.h>

#include <array>

using namespace stc::pattern;

isl::set Axes::coordinates() const {
  return context.set("{ [r, x] : " + axisConstraints(tiled, "x", n) + " }");
}

static const std::array<std::string, 1> rowNames = {"x"};

isl::set Axes::rows() const {
  if (tiled.rows(n, tiled.residues - 1) == tiled.maxRows(n))
    return tiles(1);
  std::string row = rowOf(tiled, Expr::variable(0)).str(rowNames);
  return coordinates().apply(context.map("{ [r, x] -> [r, t] : t = " + row + " }"));
}

isl::set Axes::tiles(int64_t tile) const {
  int64_t count = (tiled.maxRows(n) + tile - 1) / tile;
  return context.set("{ [r, t] : 0 <= r < " + std::to_string(tiled.residues) + " and 0 <= t < " +
                     std::to_string(count) + " }");
}

isl::map Axes::relation(const isl::set &points, int64_t tile) const {
  std::string row = rowOf(tiled, Expr::variable(0)).str(rowNames), size = std::to_string(tile);
  std::string inTile =
      tile == 1 ? "t = " + row : size + "*t <= " + row + " < " + size + "*t + " + size;
  isl::map toTile = context.map("{ [r, x, y] -> [[r, t] -> [y]] : " + inTile + " }");
  return coalesced(points.apply(toTile)).unwrap();
}

/// True if y occurs in no division of a single disjunct: its values are then an interval.
static bool isConvexInLast(const isl::map &touched) {
  bool convex = touched.n_basic_map() <= 1;
  touched.foreach_basic_map([&](isl::basic_map part) {
    int divisions = isl_basic_map_dim(part.get(), isl_dim_div);
    for (int k = 0; k < divisions && convex; ++k) {
      isl_aff *division = isl_basic_map_get_div(part.get(), k);
      convex = division && isl_aff_is_nan(division) == isl_bool_false &&
               isl_aff_involves_dims(division, isl_dim_in, 2, 1) == isl_bool_false;
      isl_aff_free(division);
    }
  });
  return convex;
}

bool Axes::isContiguous(const isl::map &touched) const {
  if (isConvexInLast(touched))
    return true;
  isl::set axis = context.set("{ [y] : exists r : " + axisConstraints(other, "y", n) + " }");
  if (isConvexInLast(isl::manage(isl_map_gist_range(touched.copy(), axis.copy()))))
    return true;
  isl::map above = touched.apply_range(context.map("{ [y] -> [z] : z > y }"));
  isl::map below = touched.apply_range(context.map("{ [y] -> [z] : z < y }"));
  return above.intersect(below).intersect_range(axis).is_subset(touched);
}

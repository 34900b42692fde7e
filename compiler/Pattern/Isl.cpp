//===- Isl.cpp - isl's sets, budgets and closed forms ---------------------===//

#include "compiler/Pattern/Isl.h"

#include "compiler/Pattern/Linear.h"

#include <isl/aff.h>
#include <isl/constraint.h>
#include <isl/options.h>
#include <isl/point.h>
#include <isl/val.h>

#include <algorithm>
#include <stdexcept>

using namespace stc::pattern;

// Behind the end of a budget isl's allocations fail, and its functions hand on a null. One of them,
// of isl 0.25 and of all after it, writes through that null (isl_map_simplify.c,
// set_eq_and_try_again): the linker has this one called in its place (--wrap), which asks first.
extern "C" void __real_isl_basic_map_inequality_to_equality(isl_basic_map *map, unsigned position);
extern "C" void __wrap_isl_basic_map_inequality_to_equality(isl_basic_map *map, unsigned position) {
  if (map)
    __real_isl_basic_map_inequality_to_equality(map, position);
}

Context::Context(size_t divisions) : handle(isl_ctx_alloc()), cost(1 + divisions / 8) {
  isl_options_set_on_error(handle, ISL_ON_ERROR_CONTINUE);
}

Context::~Context() {
  maps.clear();
  sets.clear();
  isl_ctx_free(handle);
}

template <class Object>
Object Context::readOnce(std::map<std::string, Object> &known, const std::string &text) {
  Object &object = known[text];
  if (!object.is_null())
    return object;
  try {
    object = Object(handle, text);
  } catch (const isl::exception &) {
    throw Exhausted();
  }
  return object;
}

isl::map Context::map(const std::string &text) { return readOnce(maps, text); }

isl::set Context::set(const std::string &text) { return readOnce(sets, text); }

unsigned long Context::begin(unsigned long budget) {
  unsigned long outer = isl_ctx_get_max_operations(handle);
  isl_ctx_reset_error(handle);
  isl_ctx_reset_operations(handle);
  isl_ctx_set_max_operations(handle, budget);
  return outer;
}

void Context::end(unsigned long outer) {
  isl_ctx_reset_operations(handle);
  isl_ctx_set_max_operations(handle, outer);
  isl_ctx_reset_error(handle);
}

int64_t stc::pattern::coordinateOfPoint(const isl::point &point, int index) {
  return isl::manage(isl_point_get_coordinate_val(point.get(), isl_dim_set, index)).num_si();
}

// isl 0.25 can coalesce wrongly: { [j] : 0 <= j <= 22 and (j <= 6 or j mod 8 >= 1) } loses its
// gaps.
isl::map stc::pattern::coalesced(const isl::map &map) {
  if (map.n_basic_map() <= 1)
    return map;
  isl::map fewer = map.coalesce();
  return fewer.n_basic_map() < map.n_basic_map() && fewer.is_equal(map) ? fewer : map;
}

isl::set stc::pattern::coalesced(const isl::set &set) {
  if (set.n_basic_set() <= 1)
    return set;
  isl::set fewer = set.coalesce();
  return fewer.n_basic_set() < set.n_basic_set() && fewer.is_equal(set) ? fewer : set;
}

//===----------------------------------------------------------------------===//
// Relations
//===----------------------------------------------------------------------===//

static isl::map leafRelation(Context &context, const Syntax &leaf, int64_t n) {
  std::vector<std::string> names = variableNames(leaf);
  std::string exists;
  for (const std::string &name : std::span(names).subspan(2))
    exists += (exists.empty() ? "exists " : ", ") + name;
  std::string condition = leaf.condition.isConstant() ? (leaf.condition.value() ? "true" : "false")
                                                      : leaf.condition.str(names);
  std::string length = std::to_string(n);
  return context.map("{ [i] -> [j] : 0 <= i < " + length + " and 0 <= j < " + length + " and (" +
                     exists + (exists.empty() ? "" : " : ") + condition + ") }");
}

isl::map stc::pattern::relationOf(Context &context, const Syntax &syntax, int64_t n) {
  if (syntax.kind == Syntax::Kind::Leaf)
    return coalesced(leafRelation(context, syntax, n));
  isl::map left = relationOf(context, syntax.operands[0], n);
  isl::map right = relationOf(context, syntax.operands[1], n);
  switch (syntax.kind) {
  case Syntax::Kind::Union:
    return coalesced(left.unite(right));
  case Syntax::Kind::Intersection:
    return coalesced(left.intersect(right));
  default:
    return coalesced(left.subtract(right));
  }
}

//===----------------------------------------------------------------------===//
// From isl to expressions
//===----------------------------------------------------------------------===//

static int64_t integer(isl::val value) {
  constexpr long most = long(1) << 62;
  if (!value.is_int() || !value.abs().le(most))
    throw std::overflow_error("a number left 62 bits");
  return value.num_si();
}

/// The sum of an affine form times its denominator, divisions included.
static Expr numerator(const isl::aff &aff) {
  isl::val denominator = isl::manage(isl_aff_get_denominator_val(aff.get()));
  auto scaled = [&](isl_val *value) { return integer(isl::manage(value).mul(denominator)); };
  Expr sum = Expr::constant(scaled(isl_aff_get_constant_val(aff.get())));
  int inputs = isl_aff_dim(aff.get(), isl_dim_in);
  for (int k = 0; k < inputs; ++k)
    if (int64_t factor = scaled(isl_aff_get_coefficient_val(aff.get(), isl_dim_in, k)))
      sum = sum + Expr::variable(k) * factor;
  int divisions = isl_aff_dim(aff.get(), isl_dim_div);
  for (int k = 0; k < divisions; ++k) {
    int64_t factor = scaled(isl_aff_get_coefficient_val(aff.get(), isl_dim_div, k));
    if (!factor)
      continue;
    isl::aff division = isl::manage(isl_aff_get_div(aff.get(), k));
    int64_t divisor = integer(isl::manage(isl_aff_get_denominator_val(division.get())));
    sum = sum + numerator(division).floorDiv(divisor) * factor;
  }
  return sum;
}

/// The value of an affine form that is whole wherever it is asked for.
static Expr exprOf(const isl::aff &aff) {
  int64_t denominator = integer(isl::manage(isl_aff_get_denominator_val(aff.get())));
  return tidied(numerator(aff).floorDiv(denominator));
}

static isl_stat addConstraint(isl_constraint *raw, void *user) {
  auto &[all, failed] = *static_cast<std::pair<Expr, bool> *>(user);
  if (isl_constraint_is_div_constraint(raw)) {
    isl_constraint_free(raw);
    return isl_stat_ok;
  }
  bool isEquality = isl_constraint_is_equality(raw);
  isl_aff *aff = isl_constraint_get_aff(raw);
  isl_constraint_free(raw);
  // No exception may cross isl's own frames.
  try {
    Expr expr = numerator(isl::manage(aff));
    all = all && (isEquality ? expr.isZero() : expr.nonNegative());
    return isl_stat_ok;
  } catch (const std::exception &) {
    failed = true;
    return isl_stat_error;
  }
}

static Expr conditionOf(const isl::basic_set &set) {
  std::pair<Expr, bool> state{Expr::constant(1), false};
  isl_stat done = isl_basic_set_foreach_constraint(set.get(), addConstraint, &state);
  if (state.second || done != isl_stat_ok)
    throw std::overflow_error("a number left 62 bits");
  return state.first;
}

Expr stc::pattern::conditionOf(isl::set set) {
  set = isl::manage(isl_set_compute_divs(set.release()));
  Expr any = Expr::constant(0);
  set.foreach_basic_set([&](isl::basic_set part) { any = any || ::conditionOf(part); });
  return any;
}

namespace {
struct Piece {
  isl::set domain;
  isl::aff aff;
};
} // namespace

static std::vector<Piece> piecesOf(const isl::pw_aff &function) {
  std::vector<Piece> pieces;
  function.foreach_piece([&](isl::set domain, isl::multi_aff value) {
    isl::aff aff = value.at(0);
    for (Piece &known : pieces)
      if (isl_aff_plain_is_equal(known.aff.get(), aff.get()) == isl_bool_true) {
        known.domain = known.domain.unite(domain);
        return;
      }
    pieces.push_back({domain, aff});
  });
  for (Piece &piece : pieces)
    piece.domain = coalesced(piece.domain);
  return pieces;
}

/// True if the function is the smallest (largest) of its pieces everywhere.
static bool isExtremum(const std::vector<Piece> &pieces, bool smallest) {
  for (const Piece &own : pieces)
    for (const Piece &other : pieces) {
      isl::set holds = smallest ? own.aff.le_set(other.aff) : own.aff.ge_set(other.aff);
      if (!own.domain.is_subset(holds))
        return false;
    }
  return true;
}

Expr stc::pattern::closedFormOf(const isl::pw_aff &function) {
  std::vector<Piece> pieces = piecesOf(function);
  if (pieces.empty())
    return Expr::constant(0);
  constexpr size_t fewPieces = 5;
  if (pieces.size() <= fewPieces)
    for (bool smallest : {true, false})
      if (isExtremum(pieces, smallest)) {
        Expr result = exprOf(pieces[0].aff);
        for (const Piece &piece : std::span(pieces).subspan(1))
          result = smallest ? Expr::min(result, exprOf(piece.aff))
                            : Expr::max(result, exprOf(piece.aff));
        return result;
      }
  // Each choice is among the pieces that are left.
  isl::set left = function.domain();
  Expr result = exprOf(pieces.back().aff);
  std::vector<std::pair<Expr, Expr>> choices;
  for (const Piece &piece : std::span(pieces).first(pieces.size() - 1)) {
    choices.emplace_back(conditionOf(coalesced(piece.domain.gist(left))), exprOf(piece.aff));
    left = left.subtract(piece.domain);
  }
  for (size_t k = choices.size(); k-- > 0;)
    result = Expr::select(choices[k].first, choices[k].second, result);
  return result;
}

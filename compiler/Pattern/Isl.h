//===- Isl.h - isl's sets, budgets and closed forms -----------------------===//
//
// The door to isl: a context with a budget, relations from conditions, and expressions from what
// isl computes. isl's C++ interface throws; Context::ask is where that ends.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Pattern/Syntax.h"

#include <isl/cpp.h>

#include <map>
#include <type_traits>

namespace stc::pattern {

/// One isl context. isl objects of different contexts do not mix, and a context belongs to one
/// thread at a time.
class Context {
public:
  /// `divisions` that the sets of this context are about: an operation of isl takes longer the more
  /// there are and the longer their common multiple is, so that a budget buys fewer.
  explicit Context(size_t divisions = 0);
  ~Context();
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  /// The relation and the set of a text; each text is parsed once.
  isl::map map(const std::string &text);
  isl::set set(const std::string &text);

  /// Computes with isl within a budget of its operations (a million take about a second). The error
  /// says for a person why there is no answer. A question inside a question has a budget of its
  /// own, after which the outer one's starts again.
  template <class Question>
  auto ask(unsigned long budget, Question question)
      -> tl::expected<std::invoke_result_t<Question>, std::string> {
    budget /= cost;
    unsigned long outer = begin(budget);
    auto gaveUp = [&] {
      end(outer);
      return tl::make_unexpected("isl gave up after " + std::to_string(budget) + " operations");
    };
    try {
      auto answer = question();
      end(outer);
      return answer;
    } catch (const isl::exception_quota &) {
      return gaveUp();
    } catch (const Exhausted &) {
      return gaveUp();
    } catch (const std::exception &error) {
      end(outer);
      return tl::make_unexpected(std::string("isl found no answer: ") + error.what());
    }
  }

private:
  /// Reading a text is computing, too. All that are read are this library's own and right: what isl
  /// calls a syntax error then is the end of the budget.
  struct Exhausted {};
  template <class Object>
  Object readOnce(std::map<std::string, Object> &known, const std::string &text);
  unsigned long begin(unsigned long budget);
  void end(unsigned long outer);
  isl_ctx *handle;
  unsigned long cost;
  std::map<std::string, isl::map> maps;
  std::map<std::string, isl::set> sets;
};

/// One coordinate of a point of a set.
int64_t coordinateOfPoint(const isl::point &point, int index);

/// The same points in fewer disjuncts. Never use isl's own coalesce: this checks what it did.
isl::map coalesced(const isl::map &map);
isl::set coalesced(const isl::set &set);

/// The relation { [i] -> [j] } of a parsed pattern with 0 <= i, j < n.
isl::map relationOf(Context &context, const Syntax &syntax, int64_t n);

/// The condition, over a set's dimensions as variables 0, 1, ..., that holds exactly for its
/// points. Throws std::overflow_error if a number leaves 62 bits.
Expr conditionOf(isl::set set);

/// A quasi-affine function as an expression over its domain's dimensions, right on its domain only:
/// one expression, a minimum or a maximum where it is one, else a chain of choices.
Expr closedFormOf(const isl::pw_aff &function);

} // namespace stc::pattern

//===- FiniteItems.cpp - items whose results are all finite ---------------===//

#include "compiler/Conversion/TileToCuda/FiniteItems.h"

using namespace mlir;
using namespace stc;

/// What stands for the first round that has to be computed again, where none has.
static constexpr int64_t kAll = std::numeric_limits<int32_t>::max();

Value stc::haveSpecial(CudaEmitter &e, ValueRange results, std::array<Value, 2> exists) {
  std::array<Value, 2> totals = {e.f(0), e.f(0)}; // or NaN
  for (auto [k, result] : llvm::enumerate(results))
    totals[k / 2 % 2] = e.fma(result, e.f(0), totals[k / 2 % 2]);
  return e.either(e.both(exists[0], e.notEqual(totals[0], 0)),
                  e.both(exists[1], e.notEqual(totals[1], 0)));
}

Value stc::haveSpecial(CudaEmitter &e, const SharedRows &tile, Value thread, int64_t threads) {
  const int64_t inRow = tile.columns / 2, all = tile.rows * inRow;
  Value total = e.f(0); // or NaN
  for (int64_t k = 0; k < all; k += threads) {
    Value at = e.add(thread, k);
    if (k + threads > all)
      at = e.min(at, e.i(all - 1));
    Value behind = e.add(e.mul(e.div(at, inRow), tile.rowBytes),
                         e.mul(e.rem(at, inRow), 2 * e.elementBytes()));
    auto [low, high] = e.unpack(e.loadShared(e.add(tile.address, behind), e.pair));
    total = e.fma(high, e.f(0), e.fma(low, e.f(0), total));
  }
  return e.notEqual(total, 0);
}

void FiniteItems::begin() const { e.storeShared(e.i(kAll), word); }

// What others of the group wrote may be seen late: each has its own part in what any of them finds.
Value FiniteItems::stores(Value isSpecial, Any any) const {
  Value again = isSpecial;
  if (resumes)
    again = any(e.either(isSpecial, e.less(e.loadShared(word, e.i32), e.i(kAll))));
  e.minShared(again, kernel.roundStart, word);
  return resumes ? e.select(again, e.no(), e.yes()) : e.yes();
}

void FiniteItems::again(function_ref<void()> settle, function_ref<void(IRMapping &)> body) const {
  settle();
  Value first = e.loadShared(word, e.i32);
  e.ifThen(e.less(first, e.i(kAll)), [&] { kernel.eachItemFrom(first, body); });
}

//===- Philox.cpp - counter-based random numbers in kernels ---------------===//

#include "compiler/Conversion/StcToTile/Philox.h"

using namespace mlir;
using namespace stc;

namespace {
Value constant(ImplicitLocOpBuilder &b, uint32_t value) {
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
}

Value real(ImplicitLocOpBuilder &b, float value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
}

Value low(ImplicitLocOpBuilder &b, Value wide) {
  return arith::TruncIOp::create(b, b.getI32Type(), wide);
}

Value high(ImplicitLocOpBuilder &b, Value wide) {
  Value shift = arith::ConstantOp::create(b, b.getI64IntegerAttr(32));
  return low(b, arith::ShRUIOp::create(b, wide, shift));
}

/// The first two words of the block at a counter; the others are not used.
std::array<Value, 2> philoxWords(ImplicitLocOpBuilder &b,
                                 const std::array<std::array<Value, 2>, 10> &keys,
                                 std::array<Value, 4> counter) {
  Value multiplier0 = constant(b, 0xD2511F53), multiplier1 = constant(b, 0xCD9E8D57);
  for (auto [key0, key1] : keys) {
    auto product0 = arith::MulUIExtendedOp::create(b, multiplier0, counter[0]);
    auto product1 = arith::MulUIExtendedOp::create(b, multiplier1, counter[2]);
    auto mix = [&](Value a, Value c, Value key) -> Value {
      return arith::XOrIOp::create(b, arith::XOrIOp::create(b, a, c), key);
    };
    counter = {mix(product1.getHigh(), counter[1], key0), product1.getLow(),
               mix(product0.getHigh(), counter[3], key1), product0.getLow()};
  }
  return {counter[0], counter[1]};
}
} // namespace

std::array<std::array<Value, 2>, 10> stc::philoxKeys(ImplicitLocOpBuilder &b, Value seed) {
  std::array<std::array<Value, 2>, 10> keys;
  Value key0 = low(b, seed), key1 = high(b, seed);
  for (auto &key : keys) {
    key = {key0, key1};
    key0 = arith::AddIOp::create(b, key0, constant(b, 0x9E3779B9));
    key1 = arith::AddIOp::create(b, key1, constant(b, 0xBB67AE85));
  }
  return keys;
}

Value stc::philoxRandom(ImplicitLocOpBuilder &b, Distribution distribution,
                        const std::array<std::array<Value, 2>, 10> &keys, Value element, Value step,
                        Value stream) {
  auto [w0, w1] = philoxWords(b, keys, {low(b, element), high(b, element), low(b, step), stream});
  Type f32 = b.getF32Type();
  auto toFloat = [&](Value word) -> Value { return arith::UIToFPOp::create(b, f32, word); };
  auto mul = [&](Value x, float y) -> Value { return arith::MulFOp::create(b, x, real(b, y)); };
  if (distribution == Distribution::Uniform)
    return mul(toFloat(arith::ShRUIOp::create(b, w0, constant(b, 8))), 0x1p-24f);
  Value u = mul(arith::AddFOp::create(b, toFloat(w0), real(b, 0.5f)), 0x1p-32f);
  Value v = mul(toFloat(w1), 0x1p-32f);
  Value radius = math::SqrtOp::create(b, mul(math::LogOp::create(b, u), -2));
  Value angle = mul(v, 6.28318530717958648f);
  return arith::MulFOp::create(b, radius, math::CosOp::create(b, angle));
}

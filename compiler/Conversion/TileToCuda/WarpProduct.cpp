//===- WarpProduct.cpp - how a warp multiplies tiles by mma.sync ----------===//

#include "compiler/Conversion/TileToCuda/WarpProduct.h"

using namespace mlir;
using namespace stc;
using Values = CudaEmitter::Values;

namespace {
/// Elements of 16 bits: m16n8k16, by ldmatrix.
class NarrowProduct : public WarpProduct {
public:
  explicit NarrowProduct(CudaEmitter &e) : e(e) {}

  // PTX ISA, "Matrix fragments for mma.m16n8k16": of a left operand's four 8 x 8 matrices the first
  // two are side by side in its rows, of two right operands' in the sum. A lane's address is of row
  // lane mod 8 of matrix lane / 8.
  Value pointer(Value address, int64_t rowBytes, Value lane, Side side, Sum sum) const override {
    Value low = e.band(e.div(lane, 8), 1), high = e.div(lane, 16);
    if ((side == Left) == (sum == AlongRows))
      std::swap(low, high);
    Value row = e.add(e.band(lane, 7), e.mul(low, 8));
    return e.shared(e.add(address, e.add(e.mul(row, rowBytes), e.mul(high, 16))));
  }

  Values load(Value pointer, int64_t offset, int64_t, Side, Sum sum) const override {
    return e.loadMatrix(pointer, offset, sum == AlongRows);
  }

  Values left(ArrayRef<Value> results) const override {
    return Values(ArrayRef<Value>(e.fragments(results)[0]));
  }

  void multiply(ArrayRef<Value> left, ArrayRef<Value> right,
                MutableArrayRef<Value> sums) const override {
    for (size_t half : {0, 1}) {
      auto sum = sums.slice(4 * half, 4);
      llvm::copy(e.multiply(left, right.slice(2 * half, 2), sum), sum.begin());
    }
  }

private:
  CudaEmitter &e;
};

/// Elements of f32: m16n8k8 in TF32, which has 11 bits of the 24. An element is a large part and
/// what that leaves; of the four products the one of what is left twice is less than what f32
/// rounds. The tensor cores do not round to nearest, so that sums of more than 16 products are
/// added outside.
class SplitProduct : public WarpProduct {
public:
  explicit SplitProduct(CudaEmitter &e) : e(e) {}

  // PTX ISA, "Matrix fragments for mma.m16n8k8" with .tf32: lane l has what is at l / 4 and l / 4 +
  // 8 in the other dimension, at t = l mod 4 and t + 4 along the sum. Along rows, these are rows 2t
  // and 2t + 1, as of columns of results. Rows that are 4 banks apart mod 8 do not collide in
  // either case.
  Value pointer(Value address, int64_t rowBytes, Value lane, Side, Sum sum) const override {
    Value own = e.div(lane, 4), along = e.band(lane, 3);
    Value row = sum == AlongRows ? e.mul(along, 2) : own;
    Value column = sum == AlongRows ? own : along;
    return e.shared(e.add(address, e.add(e.mul(row, rowBytes), e.mul(column, 4))));
  }

  Values load(Value pointer, int64_t offset, int64_t rowBytes, Side, Sum sum) const override {
    const int64_t element = sizeof(float);
    const int64_t steps[] = {sum == AlongRows ? 8 * rowBytes : 8 * element, // of the sum
                             sum == AlongRows ? 8 * element
                                              : 8 * rowBytes,            // of the other dimension
                             sum == AlongRows ? rowBytes : 4 * element}; // of the sum
    Values elements;
    for (int64_t k = 0; k < 8; ++k) {
      int64_t behind = k / 4 * steps[0] + k / 2 % 2 * steps[1] + k % 2 * steps[2];
      elements.push_back(LLVM::LoadOp::create(e.b, e.f32, e.behind(pointer, offset + behind)));
    }
    return split(elements);
  }

  Values left(ArrayRef<Value> results) const override { return split(results); }

  void multiply(ArrayRef<Value> left, ArrayRef<Value> right,
                MutableArrayRef<Value> sums) const override {
    for (size_t half : {0, 1}) {
      Values sum(4, e.f(0));
      for (auto [l, r] : {std::pair(8, 0), {0, 8}, {0, 0}}) // the smaller ones first
        for (size_t k : {0, 4}) {
          ArrayRef<Value> a = left.slice(l + k, 4), b = right.slice(r + k + 2 * half, 2);
          sum = e.multiply({a[0], a[2], a[1], a[3]}, b, sum);
        }
      for (auto [all, some] : llvm::zip_equal(sums.slice(4 * half, 4), sum))
        all = e.addf(all, some);
    }
  }

private:
  /// The large parts of all elements, and behind them what these leave, of which products read the
  /// upper bits.
  Values split(ArrayRef<Value> elements) const {
    Values large, rest;
    for (Value element : elements) {
      Value bits = LLVM::BitcastOp::create(e.b, e.i32, element);
      large.push_back(e.band(e.add(bits, 0x1000), ~int64_t(0x1fff)));
      Value part = LLVM::BitcastOp::create(e.b, e.f32, large.back());
      rest.push_back(LLVM::BitcastOp::create(e.b, e.i32, e.subf(element, part)));
    }
    large.append(rest);
    return large;
  }

  CudaEmitter &e;
};
} // namespace

std::unique_ptr<WarpProduct> WarpProduct::create(CudaEmitter &e) {
  if (e.element == e.f32)
    return std::make_unique<SplitProduct>(e);
  return std::make_unique<NarrowProduct>(e);
}

void stc::product(const WarpProduct &kind, int64_t steps,
                  function_ref<Values(int64_t, int64_t)> left, const WarpOperand &right,
                  Parts &sums, int64_t at, int64_t first) {
  for (int64_t step = 0; step < steps; ++step) {
    Parts a;
    for (size_t part = 0; part < sums.size(); ++part)
      a.push_back(left(part, step));
    for (size_t k = 0; k < sums[0].size(); k += 8) {
      Values both = right.load(first + 16 * step, at + 2 * int64_t(k));
      for (size_t part = 0; part < sums.size(); ++part)
        kind.multiply(a[part], both, MutableArrayRef<Value>(sums[part]).slice(k, 8));
    }
  }
}

Values stc::flat(const Parts &parts) {
  Values all;
  for (const Values &part : parts)
    all.append(part);
  return all;
}

Parts stc::inParts(ValueRange values, int64_t parts) {
  Parts result;
  const size_t each = values.size() / parts;
  for (int64_t part = 0; part < parts; ++part)
    result.push_back(Values(values.slice(part * each, each)));
  return result;
}

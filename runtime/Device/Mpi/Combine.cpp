//===- Combine.cpp - elements of several arrays, made one --------------------------------===//
#include "runtime/Device/Mpi/Combine.h"
#include "runtime/Device/Host/KernelFloats.h"
#include "runtime/Program/NarrowFloat.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace stc::runtime::mpi {

using program::DType;

namespace {

/// What an element is in memory, and what it is computed in. Integers have no sign where they are
/// added, so that they wrap around.
template <class T> struct Plain {
  using Stored = T;
  using Wide = T;
  static Wide widen(Stored value) { return value; }
  static Stored narrow(Wide value) { return value; }
};
template <DType dtype> struct Narrow {
  using Stored = uint16_t;
  using Wide = float;
  static Wide widen(Stored bits) { return runtime::widen(dtype, bits); }
  static Stored narrow(Wide value) { return runtime::narrow(dtype, value); }
};

struct Add {
  template <class T> T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(std::make_unsigned_t<T>(a) + std::make_unsigned_t<T>(b));
    else
      return a + b;
  }
};
// What is not a number compares with nothing, and equals not even itself.
struct Larger {
  template <class T> T operator()(T a, T b) const { return a >= b || a != a ? a : b; }
};
struct Smaller {
  template <class T> T operator()(T a, T b) const { return a <= b || a != a ? a : b; }
};

template <class Element, class Fold>
void combineAs(const std::byte *arrays, uint64_t stride, int count, std::byte *result,
               uint64_t elements) {
  using Stored = typename Element::Stored;
  // Intermediate values stay in the nearest cache.
  constexpr uint64_t block = 1024;
  typename Element::Wide values[block];
  for (uint64_t first = 0; first < elements; first += block) {
    uint64_t length = std::min(block, elements - first);
    for (int k = 0; k < count; ++k) {
      const std::byte *array = arrays + k * stride + first * sizeof(Stored);
      auto load = [&](uint64_t i) {
        Stored stored;
        std::memcpy(&stored, array + i * sizeof(Stored), sizeof(Stored));
        return Element::widen(stored);
      };
      if (k == 0)
        for (uint64_t i = 0; i < length; ++i)
          values[i] = load(i);
      else
        for (uint64_t i = 0; i < length; ++i)
          values[i] = Fold()(values[i], load(i));
    }
    for (uint64_t i = 0; i < length; ++i) {
      Stored stored = Element::narrow(values[i]);
      std::memcpy(result + (first + i) * sizeof(Stored), &stored, sizeof(Stored));
    }
  }
}

template <class Element>
void combineBy(Reduction how, const std::byte *arrays, uint64_t stride, int count,
               std::byte *result, uint64_t elements) {
  switch (how) {
  case Reduction::Sum:
    return combineAs<Element, Add>(arrays, stride, count, result, elements);
  case Reduction::Max:
    return combineAs<Element, Larger>(arrays, stride, count, result, elements);
  }
}

} // namespace

void combine(const std::byte *arrays, uint64_t stride, int count, std::byte *result,
             uint64_t elements, DType type, Reduction how) {
  KernelFloats floats;
  switch (type) {
  case DType::F32:
    return combineBy<Plain<float>>(how, arrays, stride, count, result, elements);
  case DType::F64:
    return combineBy<Plain<double>>(how, arrays, stride, count, result, elements);
  case DType::I32:
    return combineBy<Plain<int32_t>>(how, arrays, stride, count, result, elements);
  case DType::I64:
    return combineBy<Plain<int64_t>>(how, arrays, stride, count, result, elements);
  case DType::U8:
  case DType::I1:
    return combineBy<Plain<uint8_t>>(how, arrays, stride, count, result, elements);
  case DType::BF16:
    return combineBy<Narrow<DType::BF16>>(how, arrays, stride, count, result, elements);
  case DType::F16:
    return combineBy<Narrow<DType::F16>>(how, arrays, stride, count, result, elements);
  }
}

} // namespace stc::runtime::mpi

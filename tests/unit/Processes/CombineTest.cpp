//===- CombineTest.cpp - elements of several arrays, made one ----------------------------===//
#include "runtime/Device/Mpi/Combine.h"
#include "runtime/Program/NarrowFloat.h"

#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace stc::runtime::test {
namespace {

using program::DType;

// Of arrays that lie behind each other.
template <class T>
std::vector<T> combined(const std::vector<std::vector<T>> &arrays, DType type, Reduction how) {
  std::vector<T> all;
  for (const std::vector<T> &array : arrays)
    all.insert(all.end(), array.begin(), array.end());
  std::vector<T> result(arrays[0].size());
  mpi::combine(reinterpret_cast<const std::byte *>(all.data()), result.size() * sizeof(T),
               static_cast<int>(arrays.size()), reinterpret_cast<std::byte *>(result.data()),
               result.size(), type, how);
  return result;
}

TEST(Combine, EachReduction) {
  std::vector<std::vector<double>> floats = {{1, 5}, {3, -2}, {2, 7}};
  EXPECT_EQ(combined(floats, DType::F64, Reduction::Sum), (std::vector<double>{6, 10}));
  EXPECT_EQ(combined(floats, DType::F64, Reduction::Max), (std::vector<double>{3, 7}));
  EXPECT_EQ(combined<float>({{4}}, DType::F32, Reduction::Sum), std::vector<float>{4});
}

TEST(Combine, InTheOrderOfTheArrays) {
  // From the other end it would be 0.
  EXPECT_EQ(combined<float>({{1e8f}, {-1e8f}, {1}}, DType::F32, Reduction::Sum)[0], 1);
  EXPECT_EQ(combined<float>({{1}, {1e8f}, {-1e8f}}, DType::F32, Reduction::Sum)[0], 0);
}

TEST(Combine, IntegersWrapAround) {
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  constexpr int64_t least = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(combined<int64_t>({{most}, {1}}, DType::I64, Reduction::Sum)[0], least);
  EXPECT_EQ(combined<int64_t>({{most}, {-1}}, DType::I64, Reduction::Max)[0], most);
  EXPECT_EQ(combined<int32_t>({{-1}, {-5}}, DType::I32, Reduction::Max)[0], -1);
  EXPECT_EQ(combined<uint8_t>({{200}, {100}}, DType::U8, Reduction::Sum)[0], 44);
  EXPECT_EQ(combined<uint8_t>({{200}, {100}}, DType::U8, Reduction::Max)[0], 200);
  EXPECT_EQ(combined<uint8_t>({{0}, {1}}, DType::I1, Reduction::Max)[0], 1);
}

// Half the distance between neighbours, three times, is more than one of them; rounded after each
// sum, it is nothing.
TEST(Combine, NarrowFloatsAreRoundedOnce) {
  for (auto [type, half] : {std::pair(DType::BF16, 1.0f / 256), {DType::F16, 1.0f / 2048}}) {
    uint16_t one = narrow(type, 1), small = narrow(type, half);
    uint16_t sum = combined<uint16_t>({{one}, {small}, {small}, {small}}, type, Reduction::Sum)[0];
    EXPECT_EQ(widen(type, sum), 1 + 4 * half); // a tie, to the even one
  }
}

TEST(Combine, NotANumber) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  for (Reduction how : {Reduction::Sum, Reduction::Max}) {
    std::vector<float> result = combined<float>({{nan, 1, 2}, {1, nan, 2}}, DType::F32, how);
    EXPECT_TRUE(std::isnan(result[0]) && std::isnan(result[1]) && !std::isnan(result[2]));
  }
}

TEST(Combine, ManyElementsAndNone) {
  std::vector<int32_t> first(5000), second(5000), sum(5000);
  for (int i = 0; i < 5000; ++i) {
    first[i] = i;
    second[i] = 3 * i;
    sum[i] = 4 * i;
  }
  EXPECT_EQ(combined<int32_t>({first, second}, DType::I32, Reduction::Sum), sum);
  EXPECT_TRUE(combined<int32_t>({{}, {}}, DType::I32, Reduction::Sum).empty());
}

} // namespace
} // namespace stc::runtime::test

//===- NarrowFloatTest.cpp - floats of 16 bits ------------------------------------------===//
#include "runtime/Program/NarrowFloat.h"

#include <gtest/gtest.h>
#include <limits>

namespace stc::runtime::test {
namespace {

using program::DType;

TEST(NarrowFloat, EveryValueComesBack) {
  for (DType dtype : {DType::BF16, DType::F16})
    for (uint32_t bits = 0; bits < 1 << 16; ++bits) {
      float value = widen(dtype, static_cast<uint16_t>(bits));
      uint16_t back = narrow(dtype, value);
      ASSERT_TRUE(std::isnan(value) ? std::isnan(widen(dtype, back)) : back == bits) << bits;
    }
}

TEST(NarrowFloat, RoundsToTheNearestTiesToEven) {
  auto rounded = [](DType dtype, float value) { return widen(dtype, narrow(dtype, value)); };
  EXPECT_EQ(rounded(DType::BF16, 1 + 0x1p-8f), 1);
  EXPECT_EQ(rounded(DType::BF16, 1 + 0x1.8p-8f), 1 + 0x1p-7f);
  EXPECT_EQ(rounded(DType::BF16, 1 + 3 * 0x1p-8f), 1 + 0x1p-6f);
  EXPECT_EQ(rounded(DType::F16, -1 - 0x1p-11f), -1);
  EXPECT_EQ(rounded(DType::F16, -1 - 3 * 0x1p-11f), -1 - 0x1p-9f);
  EXPECT_EQ(rounded(DType::F16, 1e6f), std::numeric_limits<float>::infinity());
  EXPECT_EQ(rounded(DType::BF16, std::numeric_limits<float>::max()),
            std::numeric_limits<float>::infinity());
  for (DType dtype : {DType::BF16, DType::F16})
    for (uint32_t payload : {0x7f800001u, 0xffffffffu})
      EXPECT_TRUE(std::isnan(rounded(dtype, std::bit_cast<float>(payload))));
}

} // namespace
} // namespace stc::runtime::test

//===- NpyFileTest.cpp - .npy files: round trip and damage -------------------------------===//
#include "runtime/Data/NpyFile.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <cstring>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;

std::string npy(const std::string &header, const std::string &data, char major = 1) {
  std::string file = "\x93NUMPY";
  file +=
      {major, 0, static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  if (major == 2)
    file += {0, 0};
  return file + header + data;
}

Result<NpyArray> parse(const std::string &contents) {
  std::string path = temporaryPath("x.npy");
  writeFile(path, contents);
  return readNpy(path);
}

std::string errorOf(const std::string &contents) {
  auto array = parse(contents);
  return array ? "" : array.error().message;
}

TEST(NpyFile, RoundTrips) {
  std::string path = temporaryPath("round.npy");
  for (DType dtype :
       {DType::F32, DType::F64, DType::I32, DType::I64, DType::U8, DType::I1, DType::F16})
    for (const std::vector<int64_t> &shape :
         {std::vector<int64_t>{}, {0}, {5}, {2, 3}, {1, 2, 1, 4}}) {
      size_t size = dtype == DType::F64 || dtype == DType::I64   ? 8
                    : dtype == DType::F32 || dtype == DType::I32 ? 4
                    : dtype == DType::F16                        ? 2
                                                                 : 1;
      for (int64_t dimension : shape)
        size *= dimension;
      std::vector<std::byte> data(size);
      for (size_t i = 0; i < size; ++i)
        data[i] = std::byte(i * 7 + 1);
      ASSERT_TRUE(writeNpy(path, dtype, shape, data));
      EXPECT_EQ((readFile(path).size() - size) % 64, 0u);
      auto array = readNpy(path);
      ASSERT_TRUE(array) << array.error().message;
      EXPECT_EQ(array->dtype, dtype);
      EXPECT_EQ(array->shape, shape);
      EXPECT_EQ(array->data, data);
    }
  EXPECT_THAT(writeNpy(path, DType::BF16, {}, {}).error().message, HasSubstr("found bf16"));
}

TEST(NpyFile, ReadsWhatNumpyWrites) {
  auto array = parse(npy("{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }      \n",
                         std::string(12, 'x')));
  ASSERT_TRUE(array) << array.error().message;
  EXPECT_EQ(describe(*array), "i32[3]");
  array = parse(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (), }\n", "\1", 2));
  ASSERT_TRUE(array) << array.error().message;
  EXPECT_EQ(describe(*array), "i1[]");
}

TEST(NpyFile, SaysWhatDoesNotFit) {
  auto header = [](const char *descr, const char *order, const char *shape) {
    return fmt::format("{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}\n", descr, order,
                       shape);
  };
  EXPECT_THAT(errorOf("hello, world"), HasSubstr("expected a .npy file, found one that begins"));
  EXPECT_THAT(errorOf(npy(header("'<f4'", "True", "(2, 2)"), std::string(16, 0))),
              HasSubstr("expected C order, found Fortran order"));
  EXPECT_THAT(errorOf(npy(header("'>f4'", "False", "(2, 2)"), std::string(16, 0))),
              HasSubstr("found '>f4'"));
  EXPECT_THAT(errorOf(npy(header("[('a', '<f4')]", "False", "(2, 2)"), std::string(16, 0))),
              HasSubstr("found a structured one"));
  EXPECT_THAT(errorOf(npy(header("'<f4'", "False", "(2, 2)"), std::string(15, 0))),
              HasSubstr("expected 16 bytes of f32[2, 2] after the header, found 15"));
  EXPECT_THAT(errorOf(npy(header("'<f4'", "False", "(-2,)"), "")), HasSubstr("a shape of sizes"));
  std::string ones = "(";
  for (int k = 0; k < 65; ++k)
    ones += "1, ";
  ones += ")";
  EXPECT_THAT(errorOf(npy(header("'<f4'", "False", ones.c_str()), "abcd")),
              HasSubstr("expected at most 64 dimensions"));
  EXPECT_THAT(errorOf(npy(header("'<f8'", "False", "(4611686018427387904, 4)"), "")),
              HasSubstr("expected a possible shape"));
  EXPECT_THAT(errorOf(npy("{'descr': '<f4', 'shape': (), }", "abcd")),
              HasSubstr("expected keys descr, fortran_order, shape"));
  EXPECT_THAT(errorOf(npy(header("'<f4'", "False", "()"), "abcd", 3)), HasSubstr("found 3.0"));
}

// A damaged file is an error or an array whose bytes fit its shape.
TEST(NpyFile, DamageNeverCrashes) {
  std::string good =
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", std::string(24, 'x'));
  for (size_t i = 0; i < good.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] ^= 1 << bit;
      if (auto array = parse(bad))
        EXPECT_EQ(array->data.size(), 24u);
    }
  for (size_t i = 0; i < good.size(); ++i)
    EXPECT_FALSE(parse(good.substr(0, i))) << "cut to " << i;
  EXPECT_FALSE(parse(good + "x"));
}

} // namespace
} // namespace stc::runtime::test

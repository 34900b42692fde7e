//===- SafetensorsTest.cpp - weights files: round trip, damage, wrong model ----------------===//
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Checkpoint/Variables.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Device/Host/Executor.h"
#include "tests/unit/Runtime/MockModel.h"

#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;

std::string withHeader(const std::string &header, const std::string &data) {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<char *>(&length), sizeof(length)) + header + data;
}

Result<SafetensorsFile> parse(const std::string &contents) {
  std::string path = temporaryPath("x.safetensors");
  writeFile(path, contents);
  return SafetensorsFile::open(path);
}

std::string errorOf(const std::string &contents) {
  auto file = parse(contents);
  return file ? "" : file.error().message;
}

std::span<const std::byte> bytesOf(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Safetensors, RoundTrips) {
  std::string path = temporaryPath("round.safetensors");
  const NamedTensor tensors[] = {
      {"layers.0.weight", DType::F32, {2, 2}, bytesOf("0123456789abcdef")},
      {"empty", DType::F64, {0, 3}, {}},
      {"scalar", DType::I64, {}, bytesOf("abcdefgh")},
      {"bias", DType::BF16, {3}, bytesOf("uvwxyz")}};
  ASSERT_TRUE(writeSafetensors(path, tensors));
  uint64_t length;
  std::string contents = readFile(path);
  std::memcpy(&length, contents.data(), sizeof(length));
  EXPECT_EQ(length % 8, 0u) << "expected aligned data";
  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->tensors().size(), 4u);
  for (const NamedTensor &tensor : tensors) {
    auto it = std::ranges::find(file->tensors(), tensor.name, &NamedTensor::name);
    ASSERT_NE(it, file->tensors().end());
    EXPECT_EQ(it->dtype, tensor.dtype);
    EXPECT_EQ(it->shape, tensor.shape);
    EXPECT_TRUE(std::ranges::equal(it->data, tensor.data));
  }
}

TEST(Safetensors, SaysWhatIsWrong) {
  const std::string four = "abcd";
  auto tensor = [](const char *dtype, const char *shape, const char *offsets) {
    return fmt::format(R"({{"w":{{"dtype":"{}","shape":{},"data_offsets":{}}}}})", dtype, shape,
                       offsets);
  };
  EXPECT_EQ(errorOf(withHeader(tensor("F32", "[1]", "[0,4]"), four)), "");
  EXPECT_THAT(errorOf("PK"), HasSubstr("found one of 2 bytes that begins with \"PK\""));
  EXPECT_THAT(errorOf(withHeader("{\"w\":", four)), HasSubstr("expected a JSON object"));
  EXPECT_THAT(errorOf(withHeader("[1]", four)), HasSubstr("expected a JSON object"));
  EXPECT_THAT(errorOf(withHeader(R"({"w":1})", four)), HasSubstr("tensor 'w': expected dtype"));
  EXPECT_THAT(errorOf(withHeader(tensor("F99", "[1]", "[0,4]"), four)), HasSubstr("found 'F99'"));
  EXPECT_THAT(errorOf(withHeader(tensor("F\\n9", "[1]", "[0,4]"), four)), HasSubstr("found 'F.9'"));
  std::string ones = "[1";
  for (int k = 0; k < 64; ++k)
    ones += ",1";
  ones += "]";
  EXPECT_THAT(errorOf(withHeader(tensor("F32", ones.c_str(), "[0,4]"), four)),
              HasSubstr("expected at most 64 dimensions, found 65"));
  EXPECT_THAT(errorOf(withHeader(tensor("F32", "[-1]", "[0,4]"), four)), HasSubstr("a possible"));
  EXPECT_THAT(errorOf(withHeader(tensor("F32", "[4611686018427387904,4]", "[0,4]"), four)),
              HasSubstr("a possible shape"));
  EXPECT_THAT(errorOf(withHeader(tensor("F32", "[1]", "[0,8]"), four)),
              HasSubstr("expected offsets inside the 4 bytes of data"));
  EXPECT_THAT(errorOf(withHeader(tensor("F32", "[1]", "[4,0]"), four)),
              HasSubstr("offsets inside"));
  EXPECT_THAT(errorOf(withHeader(tensor("F32", "[2]", "[0,4]"), four)),
              HasSubstr("expected 8 bytes for its shape, found 4"));
  EXPECT_THAT(errorOf(withHeader(tensor("U8", "[2]", "[0,2]"), four)),
              HasSubstr("expected the tensors to cover 4 bytes of data, found 2 covered"));
  std::string both = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                     R"("b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}})";
  EXPECT_THAT(errorOf(withHeader(both, four)), HasSubstr("tensor 'b' overlaps another"));
  std::string twice = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})";
  EXPECT_THAT(errorOf(withHeader(twice, four)), HasSubstr("it is damaged"));
  EXPECT_NE(errorOf(withHeader(std::string(100000, '['), four)), "");
}

// A damaged file is an error or tensors that lie inside the data.
TEST(Safetensors, DamageNeverCrashes) {
  std::string path = temporaryPath("good.safetensors");
  const NamedTensor tensors[] = {{"w", DType::F32, {2}, bytesOf("01234567")},
                                 {"v", DType::U8, {3}, bytesOf("abc")}};
  ASSERT_TRUE(writeSafetensors(path, tensors));
  std::string good = readFile(path);
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] ^= 1 << bit;
      if (auto file = parse(bad)) {
        size_t covered = 0;
        for (const NamedTensor &tensor : file->tensors())
          for (std::byte byte : tensor.data)
            covered += byte == std::byte{} ? 1 : 1; // touches every byte
        EXPECT_EQ(covered, 11u);
      }
    }
    EXPECT_FALSE(parse(good.substr(0, i))) << "cut to " << i;
  }
}

struct Model {
  explicit Model(const ProgramSpec &spec) : file(ProgramFile::open(spec.write("m.stcp"))), pool(2) {
    executor = std::move(*HostExecutor::create(file->program(), pool));
  }
  std::span<float> w() {
    return executor->elements<float>(*file->program().variables()->Get(0)->tensor());
  }

  Result<ProgramFile> file;
  ThreadPool pool;
  std::unique_ptr<HostExecutor> executor;
};

TEST(Weights, SaveAndLoad) {
  Model model(mockModel());
  ASSERT_TRUE(initialize(*model.executor, 5));
  std::vector<float> before(model.w().begin(), model.w().end());
  std::string path = temporaryPath("weights.safetensors");
  ASSERT_TRUE(saveWeights(*model.executor, path));
  ASSERT_TRUE(initialize(*model.executor, 6));
  EXPECT_FALSE(std::ranges::equal(before, model.w()));
  ASSERT_TRUE(loadWeights(*model.executor, path));
  EXPECT_TRUE(std::ranges::equal(before, model.w()));

  // Weights that are not numbers do not replace those that are.
  std::string good = readFile(path);
  model.w()[7] = NAN;
  auto saved = saveWeights(*model.executor, path);
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().kind, ErrorKind::NonFinite);
  EXPECT_EQ(readFile(path), good);
}

TEST(Weights, ListsAllThatDoesNotFit) {
  ProgramSpec spec = mockModel();
  spec.variables.push_back({{"v", DType::F32, {2}, 4800}});
  spec.variables.push_back({{"u", DType::F32, {2}, 4900}});
  Model model(spec);
  std::string path = temporaryPath("other.safetensors");
  const NamedTensor tensors[] = {{"w", DType::F64, {1}, bytesOf("01234567")},
                                 {"t", DType::U8, {1}, bytesOf("x")}};
  ASSERT_TRUE(writeSafetensors(path, tensors));
  auto loaded = loadWeights(*model.executor, path);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message,
            path + ": expected the weights of 'test': missing v, u; unexpected t; w is f64[1] for "
                   "f32[256]");
}

} // namespace
} // namespace stc::runtime::test

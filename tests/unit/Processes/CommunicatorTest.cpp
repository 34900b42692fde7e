//===- CommunicatorTest.cpp - each collective against a loop ----------------------------------===//
#include "runtime/Device/Communicator.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/Tensor.h"
#include "tests/unit/Processes/MpiTests.h"

#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace stc::runtime::test {
namespace {

using program::DType;
using Bytes = std::vector<std::byte>;

constexpr DType types[] = {DType::F32, DType::F64, DType::I32,  DType::I64,
                           DType::U8,  DType::I1,  DType::BF16, DType::F16};
constexpr Reduction reductions[] = {Reduction::Sum, Reduction::Max};

// Numbers whose sums depend on the order, and are not all exact.
template <class T> void put(Bytes &bytes, uint64_t i, T value) {
  std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
}
void draw(Bytes &bytes, uint64_t i, DType type, std::mt19937_64 &random) {
  double real = std::normal_distribution<double>(0, 1)(random) * (random() % 5 ? 1 : 100);
  switch (type) {
  case DType::F32:
    return put(bytes, i, static_cast<float>(real));
  case DType::F64:
    return put(bytes, i, real);
  case DType::I32:
    return put(bytes, i, static_cast<int32_t>(random()));
  case DType::I64:
    return put(bytes, i, static_cast<int64_t>(random()));
  case DType::U8:
    return put(bytes, i, static_cast<uint8_t>(random()));
  case DType::I1:
    return put(bytes, i, static_cast<uint8_t>(random() & 1));
  case DType::BF16:
  case DType::F16:
    return put(bytes, i, narrow(type, static_cast<float>(real)));
  }
}

// So many elements of each process; all processes draw the same.
std::vector<Bytes> drawAll(int size, uint64_t elements, DType type, std::mt19937_64 &random) {
  std::vector<Bytes> all(size, Bytes(elements * byteSize(type)));
  for (Bytes &one : all)
    for (uint64_t i = 0; i < elements; ++i)
      draw(one, i, type, random);
  return all;
}

template <class T, class W>
Bytes fold(const std::vector<Bytes> &all, Reduction how, W widen, auto narrow) {
  Bytes result(all[0].size());
  for (size_t i = 0; i < result.size() / sizeof(T); ++i) {
    auto element = [&](const Bytes &bytes) {
      T value;
      std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
      return widen(value);
    };
    auto value = element(all[0]);
    for (size_t r = 1; r < all.size(); ++r) {
      auto next = element(all[r]);
      if (how == Reduction::Sum)
        value += next;
      else if (how == Reduction::Max ? next > value : next < value)
        value = next;
    }
    put(result, i, narrow(value));
  }
  return result;
}

template <class T, class Sum> Bytes foldAs(const std::vector<Bytes> &all, Reduction how) {
  return how == Reduction::Sum
             ? fold<T>(
                   all, how, [](T v) { return Sum(v); }, [](Sum v) { return T(v); })
             : fold<T>(
                   all, how, [](T v) { return v; }, [](T v) { return v; });
}

// A plain loop.
Bytes expected(const std::vector<Bytes> &all, DType type, Reduction how) {
  switch (type) {
  case DType::F32:
    return foldAs<float, float>(all, how);
  case DType::F64:
    return foldAs<double, double>(all, how);
  case DType::I32:
    return foldAs<int32_t, uint32_t>(all, how);
  case DType::I64:
    return foldAs<int64_t, uint64_t>(all, how);
  case DType::U8:
  case DType::I1:
    return foldAs<uint8_t, uint8_t>(all, how);
  case DType::BF16:
  case DType::F16:
    return fold<uint16_t>(
        all, how, [&](uint16_t bits) { return widen(type, bits); },
        [&](float value) { return narrow(type, value); });
  }
  return {};
}

class Collectives : public testing::Test {
protected:
  void check(Communicator &group, uint64_t elements, DType type, std::mt19937_64 &random) {
    SCOPED_TRACE(std::string(dtypeName(type)) + ", " + std::to_string(elements) + " elements, " +
                 std::to_string(group.rank()) + " of " + std::to_string(group.size()));
    int size = group.size(), rank = group.rank();
    uint64_t bytes = elements * byteSize(type);

    std::vector<Bytes> parts = drawAll(size, elements, type, random);
    Bytes whole;
    for (const Bytes &part : parts)
      whole.insert(whole.end(), part.begin(), part.end());
    Bytes all(whole.size());
    ASSERT_TRUE(group.allGather(parts[rank].data(), all.data(), elements, type));
    EXPECT_TRUE(all == whole);
    all.assign(all.size(), std::byte(0));
    std::ranges::copy(parts[rank], all.begin() + rank * bytes);
    ASSERT_TRUE(group.allGather(all.data() + rank * bytes, all.data(), elements, type));
    EXPECT_TRUE(all == whole);

    std::vector<Bytes> sent = drawAll(size, elements * size, type, random);
    Bytes received;
    for (const Bytes &one : sent)
      received.insert(received.end(), one.begin() + rank * bytes, one.begin() + (rank + 1) * bytes);
    all.assign(all.size(), std::byte(0));
    ASSERT_TRUE(group.allToAll(sent[rank].data(), all.data(), elements, type));
    EXPECT_TRUE(all == received);

    for (Reduction how : reductions) {
      std::vector<Bytes> given = drawAll(size, elements * size, type, random);
      Bytes result = expected(given, type, how);
      Bytes own(result.begin() + rank * bytes, result.begin() + (rank + 1) * bytes), part(bytes);
      ASSERT_TRUE(group.reduceScatter(given[rank].data(), part.data(), elements, type, how));
      EXPECT_TRUE(part == own);
      Bytes inPlace = given[rank];
      std::byte *place = inPlace.data() + rank * bytes;
      ASSERT_TRUE(group.reduceScatter(inPlace.data(), place, elements, type, how));
      EXPECT_TRUE(std::equal(own.begin(), own.end(), place));

      std::vector<Bytes> summands = drawAll(size, elements, type, random);
      result = expected(summands, type, how);
      Bytes to(bytes);
      ASSERT_TRUE(group.allReduce(summands[rank].data(), to.data(), elements, type, how));
      EXPECT_TRUE(to == result);
      Bytes same = summands[rank];
      ASSERT_TRUE(group.allReduce(same.data(), same.data(), elements, type, how));
      EXPECT_TRUE(same == result);
    }
  }
};

TEST_F(Collectives, EachTypeAndReduction) {
  std::mt19937_64 random(sharedSeed());
  auto group = theMpi().split(0, theMpi().rank());
  ASSERT_TRUE(group) << group.error().message;
  for (DType type : types)
    for (uint64_t elements : {uint64_t(0), uint64_t(1), random() % 100, 5'000 + random() % 30'000})
      check(**group, elements, type, random);
}

// As if the parts were far larger.
TEST_F(Collectives, PieceByPiece) {
  std::mt19937_64 random(sharedSeed() + 1);
  for (uint64_t bytes : {1, 64, 1000, 4096}) {
    auto group = theMpi().split(0, theMpi().rank(), {bytes, bytes});
    ASSERT_TRUE(group) << group.error().message;
    for (DType type : {DType::F64, DType::BF16, DType::U8})
      check(**group, random() % std::max<uint64_t>(bytes, 16), type, random);
  }
}

// The processes as a grid of two columns, along each of its axes, and from the last to the first.
TEST_F(Collectives, OfSomeProcesses) {
  int rank = theMpi().rank();
  for (int color : {rank / 2, rank % 2, rank}) {
    auto group = theMpi().split(color, -rank);
    ASSERT_TRUE(group) << group.error().message;
    std::mt19937_64 random(sharedSeed() + 2);
    check(**group, 1000, DType::F32, random);
  }
}

TEST_F(Collectives, OrderIsThatOfTheKeys) {
  int rank = theMpi().rank(), size = theMpi().size();
  auto group = theMpi().split(rank % 2, -rank);
  ASSERT_TRUE(group) << group.error().message;
  std::vector<int> expected, found(size, -1);
  for (int other = size - 1; other >= 0; --other)
    if (other % 2 == rank % 2)
      expected.push_back(other);
  ASSERT_EQ((*group)->size(), int(expected.size()));
  EXPECT_EQ(expected[(*group)->rank()], rank);
  found.resize(expected.size());
  ASSERT_TRUE((*group)->allGather(reinterpret_cast<const std::byte *>(&rank),
                                  reinterpret_cast<std::byte *>(found.data()), 1, DType::I32));
  EXPECT_EQ(found, expected);
}

TEST_F(Collectives, WhatMpiSays) {
  auto wrong = theMpi().check("MPI_Bcast", 1);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "MPI_Bcast: MPI_ERR_BUFFER: invalid buffer pointer");
  EXPECT_EQ(wrong.error().kind, ErrorKind::Machine);
}

} // namespace
} // namespace stc::runtime::test

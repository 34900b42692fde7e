//===- CeilingsTest.cpp - work, and what it is compared with ---------------------------===//
#include "runtime/Device/Host/Ceilings.h"
#include "runtime/Program/Steps.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

ProgramFile open(const ProgramSpec &spec) {
  return ProgramFile::open(spec.write("program.stcp")).value();
}

TEST(Ceilings, AreOfTheTypeOfMostProducts) {
  EXPECT_EQ(productType(open(smallProgram()).program()), DType::F32);
  EXPECT_EQ(productType(open(gpuProgram()).program()), DType::BF16); // no product: of its input
  ProgramSpec both = gpuProduct();
  StepSpec larger = both.entries[0].steps.back();
  larger.gemm[0].dtype = DType::F16;
  larger.gemm[0].batch = 2;
  both.entries[0].steps.push_back(larger);
  EXPECT_EQ(productType(open(both).program()), DType::F16);
  ProgramSpec none = smallProgram();
  none.entries[0].steps.clear();
  none.entries[0].inputs.clear();
  EXPECT_EQ(productType(open(none).program()), DType::F32);
}

TEST(Ceilings, OfTheHost) {
  ThreadPool pool(2);
  uint64_t resident[2];
  for (DType dtype : {DType::F32, DType::F64}) {
    auto ceilings = HostCeilings::create(pool, dtype);
    ASSERT_TRUE(ceilings) << ceilings.error().message;
    EXPECT_EQ((*ceilings)->copyBytes(), uint64_t(256) << 20);
    Rates rates = (*ceilings)->measure().value();
    EXPECT_GT(rates.flops, 0);
    EXPECT_GT(rates.bytes, 0);
    resident[dtype == DType::F64] = (*ceilings)->residentBytes();
  }
  const uint64_t matrices = 3 * 1536 * 1536 * 4, copied = uint64_t(256) << 20;
  EXPECT_GE(resident[0], copied + matrices);
  EXPECT_GE(resident[1], copied + 2 * matrices);
}

TEST(Steps, WorkIsSummedByKind) {
  ProgramSpec spec = gpuBatch();
  spec.entries[0].steps[0].work = program::Work(100, 7);
  spec.entries[0].steps.push_back(spec.entries[0].steps[0]);
  ProgramFile file = open(spec);
  const program::Entry &entry = *file.program().entries()->Get(0);
  EXPECT_EQ(nameOf(file.program(), *entry.steps()->Get(0)).name, "attention");
  auto kinds = workByKind(file.program(), entry);
  ASSERT_EQ(kinds.size(), 2u);
  EXPECT_TRUE(kinds["attention"].isCounted);
  EXPECT_EQ(kinds["attention"].flops, 200u);
  EXPECT_EQ(kinds["attention"].bytes, 14u);
  EXPECT_FALSE(kinds["copy"].isCounted);
}

} // namespace
} // namespace stc::runtime::test

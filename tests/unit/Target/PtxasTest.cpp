//===- PtxasTest.cpp - what is read from ptxas -v -------------------------===//
#include "compiler/Target/Ptxas.h"

#include <gtest/gtest.h>

using namespace stc;

namespace {
constexpr const char *head = "ptxas info    : 0 bytes gmem\n"
                             "ptxas info    : Compiling entry function 'f' for 'sm_90a'\n";
constexpr const char *tail = "ptxas info    : Used 168 registers, used 3 barriers\n";

std::optional<PtxasReport> parse(const std::string &lines) {
  return parsePtxasReport(head + lines + tail);
}

TEST(Ptxas, ReadsLocalMemory) {
  auto clean = parse("ptxas info    : Function properties for f\n"
                     "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n");
  ASSERT_TRUE(clean);
  EXPECT_TRUE(clean->isClean());
  EXPECT_EQ(clean->str(), "");
  auto spilled = parse("    32 bytes stack frame, 80 bytes spill stores, 76 bytes spill loads\n");
  ASSERT_TRUE(spilled);
  EXPECT_FALSE(spilled->isClean());
  EXPECT_EQ(spilled->str(), "stack 32, spill stores 80, spill loads 76 bytes");
}

TEST(Ptxas, ReadsWarningsOfSerializedProducts) {
  const std::string warning =
      "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are "
      "serialized due to insufficient register resources in the function 'f'";
  auto report =
      parse(warning + "\n    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n");
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->isClean());
  EXPECT_EQ(report->serialized, warning);
}

TEST(Ptxas, KnowsWhatIsNoReport) {
  EXPECT_FALSE(parse(""));
  EXPECT_FALSE(parse("    ? bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"));
  EXPECT_FALSE(parse("    0 bytes stack frame, 0 bytes spill stores\n"));
}
} // namespace

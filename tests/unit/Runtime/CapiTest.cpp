//===- CapiTest.cpp - programs by the C interface, at its edges ------------------------===//
//
// What comes out of calls is tested from Python (tests/python).
//
//===----------------------------------------------------------------------------------===//
#include "runtime/Capi/Program.h"
#include "tests/unit/Runtime/TestProgram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// The text, which is freed.
std::string take(char *text) {
  std::string copy = text ? text : "(null)";
  stcFree(text);
  return copy;
}

TEST(ProgramInC, RunsAnEntry) {
  StcProgram *program = nullptr;
  char *error = nullptr, *lines = nullptr;
  const std::string path = smallProgram().write("small.stcp");
  ASSERT_EQ(stcProgramOpen(path.c_str(), 2, 0, &program, &error), StcOk) << take(error);
  ASSERT_EQ(stcProgramEntries(program, &lines, &error), StcOk);
  EXPECT_THAT(take(lines), StartsWith("entry\tf\ninput\tx\tf32\t"));
  const float x[] = {1, 2, 3, 4, 5, 6}, y[] = {1, 0, 0, 1, 1, 1};
  std::vector<float> first(64), second(64), third(64);
  const void *inputs[] = {x, y};
  void *outputs[] = {first.data(), second.data(), third.data()};
  ASSERT_EQ(stcProgramRun(program, 0, inputs, outputs, &error), StcOk);
  EXPECT_THAT(std::vector(first.begin(), first.begin() + 4), ElementsAre(5, 6, 11, 12));

  EXPECT_EQ(stcProgramRun(program, 7, inputs, outputs, &error), StcInvalid);
  EXPECT_EQ(take(error), "expected the number of one of 1 entries, found 7");
  EXPECT_EQ(stcProgramRun(program, 7, inputs, outputs, nullptr), StcInvalid);
  EXPECT_NE(stcProgramLoad(program, "/none", &error), StcOk);
  EXPECT_THAT(take(error), HasSubstr("/none"));
  stcProgramClose(program);
  stcProgramClose(nullptr);
}

TEST(ProgramInC, OpensNothingElse) {
  StcProgram *program = nullptr;
  char *error = nullptr;
  const std::string path = temporaryPath("text");
  writeFile(path, "no program");
  EXPECT_EQ(stcProgramOpen(path.c_str(), 0, 0, &program, &error), StcInvalid);
  EXPECT_THAT(take(error), HasSubstr("expected a compiled program"));
  EXPECT_EQ(program, nullptr);
}

} // namespace
} // namespace stc::runtime::test

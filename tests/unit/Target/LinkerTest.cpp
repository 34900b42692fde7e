//===- LinkerTest.cpp - the linker within the process ---------------------===//

#include "compiler/Target/Linker.h"

#include <gtest/gtest.h>

using namespace stc;

namespace {

// lld is written as a program: what is an error to it must end neither this process nor the next
// link. Links that succeed are all tests of the host target.
TEST(Linker, MistakesAreErrors) {
  for (int repetition = 0; repetition < 2; ++repetition) {
    auto linked = linkShared(std::vector<std::string>{"no object", ""});
    ASSERT_FALSE(linked);
    EXPECT_TRUE(linked.error().starts_with("the linker failed: ld.lld: error: ")) << linked.error();
  }
}

} // namespace

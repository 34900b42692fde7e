//===- TextTest.cpp - bytes as text that people see ------------------------------------------===//
#include "runtime/Support/Text.h"

#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

TEST(Text, NothingSteersATerminal) {
  EXPECT_EQ(forTerminal("plain, gr\xc3\xb6\xc3\x9f"
                        "er \xe2\x82\xac \xf0\x9f\x99\x82"),
            "plain, gr\xc3\xb6\xc3\x9f"
            "er \xe2\x82\xac \xf0\x9f\x99\x82");
  EXPECT_EQ(forTerminal("\x1b[2J\a\r\n\t\x7f"), "?[2J?????");
  EXPECT_EQ(forTerminal("\x1b[2J\n\t\r", true), "?[2J\n\t?");
  EXPECT_EQ(forTerminal("a\xc2\x9b"
                        "2Jb"),
            "a?2Jb"); // CSI as one character
  EXPECT_EQ(forTerminal("a\x9b"
                        "2J"),
            "a?2J"); // and as one byte
  EXPECT_EQ(forTerminal(std::string_view("a\0b", 3)), "a?b");
  EXPECT_EQ(forTerminal("\xc0\x9b \xff"), "?? ?"); // overlong
}

TEST(Text, CharactersThatAreNotWholeWait) {
  EXPECT_EQ(wholeUtf8(""), 0u);
  EXPECT_EQ(wholeUtf8("abc"), 3u);
  EXPECT_EQ(wholeUtf8("a\xc3"), 1u);
  EXPECT_EQ(wholeUtf8("a\xc3\xb6"), 3u);
  EXPECT_EQ(wholeUtf8("a\xe2\x82"), 1u);
  EXPECT_EQ(wholeUtf8("a\xf0\x9f\x99"), 1u);
  EXPECT_EQ(wholeUtf8("a\xf0\x9f\x99\x82"), 5u);
  EXPECT_EQ(wholeUtf8("\x82\x82\x82\x82"), 4u); // no character ever comes of these
}

} // namespace
} // namespace stc::runtime::test

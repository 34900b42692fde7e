//===- ParseTest.cpp - texts that are patterns and texts that are not -----===//

#include "compiler/Pattern/Pattern.h"

#include <gtest/gtest.h>

using namespace stc::pattern;

namespace {

/// The pairs of 8 positions, a row of the picture for each query.
std::string pictureOf(const std::string &text) {
  auto pattern = Pattern::parse(text, 8);
  if (!pattern)
    return pattern.error().message + " at " + std::to_string(pattern.error().offset);
  std::string picture;
  for (int64_t i = 0; i < 8; ++i) {
    for (int64_t j = 0; j < 8; ++j)
      picture += pattern->contains(i, j) ? '#' : '.';
    picture += i < 7 ? " " : "";
  }
  return picture;
}

const std::string dense = "#....... ##...... ###..... ####.... #####... ######.. #######. ########";

TEST(Parse, NamedPatterns) {
  EXPECT_EQ(pictureOf("dense"), dense);
  EXPECT_EQ(pictureOf("dense()"), dense);
  EXPECT_EQ(pictureOf("local(0)"),
            "#....... .#...... ..#..... ...#.... ....#... .....#.. ......#. .......#");
  EXPECT_EQ(pictureOf("local(2)"),
            "#....... ##...... ###..... .###.... ..###... ...###.. ....###. .....###");
  EXPECT_EQ(pictureOf("stride(3)"),
            "#....... .#...... ..#..... #..#.... .#..#... ..#..#.. #..#..#. .#..#..#");
  EXPECT_EQ(pictureOf("strided(3)"),
            "#....... ##...... ###..... ####.... .####... ..####.. #..####. .#..####");
  EXPECT_EQ(pictureOf("block(3)"),
            "#....... ##...... ###..... ...#.... ...##... ...###.. ......#. ......##");
  EXPECT_EQ(pictureOf("blocks(2, 3)"),
            "#....... ##...... ..#..... ..##.... ....#... ....##.. ##....#. ##....##");
  EXPECT_EQ(pictureOf("summary(3, 1)"),
            "........ ........ ..#..... ..#..... ..#..... ..#..#.. ..#..#.. ..#..#..");
  EXPECT_EQ(pictureOf("fixed(3, 1)"),
            "#....... ##...... ###..... ..##.... ..###... ..####.. ..#..##. ..#..###");
  EXPECT_EQ(pictureOf("sinks(2)"),
            "#....... ##...... ##...... ##...... ##...... ##...... ##...... ##......");
}

TEST(Parse, PrecedenceAndSpace) {
  // & before | and -, and these from left to right.
  EXPECT_EQ(pictureOf("local(2)|stride(3)&sinks(2)"),
            pictureOf("local(2) | (stride(3) & sinks(2))"));
  EXPECT_EQ(pictureOf("dense - local(2) - sinks(1)"), pictureOf("(dense-local(2)) - sinks(1)"));
  EXPECT_EQ(pictureOf("dense - sinks(1) | sinks(1)"), dense);
  EXPECT_EQ(pictureOf(" \t local ( 2 )\n"), pictureOf("local(2)"));
  EXPECT_EQ(pictureOf("((((dense))))"), dense);
}

TEST(Parse, SetNotation) {
  for (const char *text : {
           "{ [i] -> [j] : j <= i }",
           "{ [i]->[j] : 0 <= j <= i < n }",
           "[n] -> { [i] -> [j] : 0 <= i, j < n and j <= i }",
           "{ [query] -> [key] : query >= key }",
           "{ [i] -> [j] : not j > i }",
           "{ [i] -> [j] : j < i or j = i }",
           "{ [i] -> [j] : j < i; [i] -> [i] }",
           "{ [i] -> [j] : exists a : i = j + a and a >= 0 }",
           "{ [i] -> [j] : min(i, n) >= max(j, 0) }",
           "{ [i] -> [j] : floor((i - j)/16) >= 0 }",
           "{ [i] -> [j] : 2i - 2j >= 0 && true }",
           "{ [i] -> [j] : (i - j)/2 >= 0 }",
       })
    EXPECT_EQ(pictureOf(text), dense) << text;
  EXPECT_EQ(pictureOf("{ [i] -> [j] : j <= i and (i - j) mod 3 = 0 }"), pictureOf("stride(3)"));
  EXPECT_EQ(pictureOf("{ [i] -> [j] : j <= i and (i - j) % 3 == 0 }"), pictureOf("stride(3)"));
  EXPECT_EQ(pictureOf("{ [i] -> [j] : exists a : i - j = 3a and a >= 0 }"), pictureOf("stride(3)"));
  EXPECT_EQ(pictureOf("{ [i] -> [j] : j <= i and floord(i, 3) = floor(j/3) }"),
            pictureOf("block(3)"));
  EXPECT_EQ(pictureOf("{ [i] -> [j] : j <= i and ceil((i + 1)/3) = ceild(j + 1, 3) }"),
            pictureOf("block(3)"));
  EXPECT_EQ(pictureOf("{ }"), pictureOf("dense - dense"));
  EXPECT_EQ(pictureOf("{ [i] -> [j] : j <= i } - local(2)"), pictureOf("dense - local(2)"));
  EXPECT_EQ(pictureOf("{ [i] -> [i] }"), pictureOf("local(0)"));
  EXPECT_EQ(pictureOf("{ [i] -> [j = i - 1] }"), pictureOf("local(1) - local(0)"));
}

struct Wrong {
  std::string text;
  size_t offset;
  std::string message;
};

void PrintTo(const Wrong &wrong, std::ostream *stream) { *stream << wrong.text; }

class Errors : public testing::TestWithParam<Wrong> {};

TEST_P(Errors, HaveTheirPlace) {
  auto error = Pattern::check(GetParam().text);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->message, GetParam().message);
  EXPECT_EQ(error->offset, GetParam().offset);
  EXPECT_FALSE(Pattern::parse(GetParam().text, 64).has_value());
}

TEST(Parse, AnUnknownNameIsToldWhichThereAre) {
  auto error = Pattern::check("  lokal(3)");
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->offset, 2u);
  EXPECT_TRUE(error->message.starts_with("expected one of dense, local, ")) << error->message;
  EXPECT_TRUE(error->message.ends_with(", found 'lokal', did you mean 'local'?")) << error->message;
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, Errors,
    testing::Values(
        Wrong{"", 0, "expected a pattern, found the end"},
        Wrong{"local(3) | ", 11, "expected a pattern, found the end"},
        Wrong{"local(3) local(4)", 9, "expected '|', '&', '-' or the end, found 'local'"},
        Wrong{"dense | \x1b", 8, "expected a pattern, found '.'"},
        Wrong{"dense | 7", 8, "expected a pattern, found '7'"},
        Wrong{"(dense", 6, "expected ')', found the end"},
        Wrong{"local", 0, "expected local(w), found 0 arguments"},
        Wrong{"dense & local(1, 2)", 8, "expected local(w), found 2 arguments"},
        Wrong{"fixed(4)", 0, "expected fixed(l, c), found 1 argument"},
        Wrong{"local(-1)", 6, "expected 0 <= w, found w = -1"},
        Wrong{"stride(0)", 7, "expected 1 <= l, found l = 0"},
        Wrong{"summary(4, 5)", 11, "expected 1 <= c <= l, found c = 5 and l = 4"},
        Wrong{"fixed(4, 0)", 9, "expected 1 <= c <= l, found c = 0 and l = 4"},
        Wrong{"local(x)", 6, "expected a number, found 'x'"},
        Wrong{"local(3", 7, "expected ')', found the end"},
        Wrong{"local(99999999999)", 6, "expected a number of at most 2147483647"},
        Wrong{"local(3) \xC3\xA9", 9, "expected '|', '&', '-' or the end, found '\xC3\xA9'"},
        Wrong{std::string(5000, ' '), 4096, "expected a pattern of at most 4096 bytes, found 5000"},
        Wrong{std::string(100, '('), 64, "expected at most 64 levels of nesting"}));

INSTANTIATE_TEST_SUITE_P(
    Sets, Errors,
    testing::Values(
        Wrong{"{ [i] -> [j] : j <= i", 21, "expected '}', found the end"},
        Wrong{"{ [i] [j] }", 6, "expected '->', found '['"},
        Wrong{"{ [i, k] -> [j] }", 4,
              "expected ']' (one position on each side, like [i] -> [j]), found ','"},
        Wrong{"{ [i] -> [j] : i + j }", 15, "expected a condition, found a number"},
        Wrong{"{ [i] -> [j] : i*j > 0 }", 16, "expected a constant on one side of '*'"},
        Wrong{"{ [i] -> [j] : i mod j = 0 }", 21, "expected a positive constant"},
        Wrong{"{ [i] -> [j] : i mod 0 = 0 }", 21, "expected a positive constant"},
        Wrong{"{ [i] -> [j] : 2*i mod 3 = 0 }", 15,
              "expected parentheses: mod applies to the factor beside it"},
        Wrong{"{ [i] -> [j] : k < j }", 15, "expected i, j, n or a function, found 'k'"},
        Wrong{"{ [i] -> [j] : i and j < 3 }", 15, "expected a condition, found a number"},
        Wrong{"{ [i] -> [j] : (i < 3) + 1 > 0 }", 15, "expected a number, found a condition"},
        Wrong{"{ [i] -> [j] : i < }", 19, "expected a number, a variable or '(', found '}'"},
        Wrong{"{ [i] -> [j] : not exists a : i = 2a }", 19, "expected no exists under not"},
        Wrong{"{ [i] -> [j] : i, j }", 20, "expected a comparison after the list, found '}'"},
        Wrong{"[m] -> { [i] -> [j] }", 1, "expected 'n', the only parameter, found 'm'"}));

// Each name stands for two of the one before it.
TEST(Parse, NamesDoNotMultiply) {
  std::string text = "{ [i] -> [j] : exists a0 = i";
  for (int k = 1; k <= 100; ++k) {
    std::string last = "a" + std::to_string(k - 1);
    text += ", a" + std::to_string(k) + " = min(-" + last + ", " + last + ")";
  }
  auto error = Pattern::check(text + " : a100 >= j }");
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->message, "expected a simpler expression");
  // Where it grows too large, not after all of it was built.
  EXPECT_GT(error->offset, 100u);
  EXPECT_LT(error->offset, 500u);
}

TEST(Parse, LengthsHaveLimits) {
  EXPECT_EQ(Pattern::parse("dense", 0).error().message,
            "expected a length from 1 to 1073741824, found 0");
  EXPECT_FALSE(Pattern::parse("dense", (int64_t(1) << 30) + 1).has_value());
  EXPECT_TRUE(Pattern::parse("dense", int64_t(1) << 30)->contains((1 << 30) - 1, 0));
  EXPECT_FALSE(Pattern::parse("dense", 8)->contains(8, 0));
  EXPECT_FALSE(Pattern::parse("dense", 8)->contains(3, -1));
}

TEST(Parse, Factors) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(Pattern::factors("strided(8)"), (Texts{"local(8)", "stride(8)"}));
  EXPECT_EQ(Pattern::factors(" fixed( 8,2 )"), (Texts{"block(8)", "summary(8, 2)"}));
  EXPECT_EQ(Pattern::factors("strided(8) | sinks(2)"), Texts{"strided(8) | sinks(2)"});
  EXPECT_EQ(Pattern::factors("dense"), Texts{"dense"});
}

TEST(Parse, Alignment) {
  EXPECT_EQ(Pattern::alignment("strided(96)"), 96);
  EXPECT_EQ(Pattern::alignment("fixed(128, 32)"), 128);
  EXPECT_EQ(Pattern::alignment("local(7)"), 7);
  EXPECT_EQ(Pattern::alignment("dense"), 0);
  EXPECT_EQ(Pattern::alignment("stride(4) | stride(6)"), 12);
}

} // namespace

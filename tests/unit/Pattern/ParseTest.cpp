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
  EXPECT_EQ(pictureOf("dilated(2, 3)"),
            "#....... .#...... ..#..... #..#.... .#..#... ..#..#.. ...#..#. ....#..#");
  EXPECT_EQ(pictureOf("global(1, 4)"),
            "#....... #....... #....... #....... #####... #...#... #...#... #...#...");
  EXPECT_EQ(pictureOf("longnet(2, 2)"),
            "#....... ##...... #.#..... ..##.... #...#... ....##.. ....#.#. ......##");
  EXPECT_EQ(pictureOf("axial(4)"),
            "#....... ##...... ###..... ####.... #...#... .#..##.. ..#.###. ...#####");
  EXPECT_EQ(pictureOf("neighborhood(2, 4, 3)"),
            "#....... ##...... .##..... ..##.... ##..#... ###.##.. .###.##. ..##..##");
}

struct Equal {
  std::string named, set;
};

void PrintTo(const Equal &equal, std::ostream *stream) { *stream << equal.named; }

class Names : public testing::TestWithParam<Equal> {};

// Of several lengths, among them those that no argument divides.
TEST_P(Names, AreTheSetsThatTheyStandFor) {
  for (int64_t n : {48, 100, 257}) {
    auto named = Pattern::parse(GetParam().named, n), set = Pattern::parse(GetParam().set, n);
    ASSERT_TRUE(named && set);
    EXPECT_TRUE(*named == *set) << n;
    EXPECT_EQ(named->causal().answer, Proof::Answer::True) << n;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, Names,
    testing::Values(
        Equal{"dilated(8, 3)", "{ [i] -> [j] : 0 <= i - j < 24 and (i - j) mod 3 = 0 }"},
        Equal{"dilated(8, 1)", "local(7)"}, Equal{"dilated(2147483647, 2147483647)", "local(0)"},
        Equal{"dilated(1000, 7)", "stride(7)"}, Equal{"global(3)", "sinks(3)"},
        Equal{"global(3)", "{ [i] -> [j] : j <= i and (i < 3 or j < 3) }"},
        Equal{"global(3, 16)", "{ [i] -> [j] : j <= i and (i mod 16 < 3 or j mod 16 < 3) }"},
        Equal{"global(16, 16)", "dense"},
        Equal{"axial(12)",
              "{ [i] -> [j] : j <= i and (floor(i/12) = floor(j/12) or i mod 12 = j mod 12) }"},
        Equal{"longnet(300, 2)", "dense"},
        Equal{"longnet(8, 4)",
              "block(8) | block(32) & { [i] -> [j] : i mod 4 = 0 and j mod 4 = 0 } | "
              "block(128) & { [i] -> [j] : i mod 16 = 0 and j mod 16 = 0 } | "
              "{ [i] -> [j] : j <= i and i mod 64 = 0 and j mod 64 = 0 }"},
        Equal{"longnet(8, 4, 7)",
              "block(8) | block(32) & { [i] -> [j] : i mod 4 = 3 and j mod 4 = 3 } | "
              "block(128) & { [i] -> [j] : i mod 16 = 7 and j mod 16 = 7 } | "
              "{ [i] -> [j] : j <= i and i mod 64 = 7 and j mod 64 = 7 }"},
        Equal{"longnet(10, 3)",
              "block(10) | block(30) & { [i] -> [j] : i mod 3 = 0 and j mod 3 = 0 } | "
              "block(90) & { [i] -> [j] : i mod 9 = 0 and j mod 9 = 0 } | "
              "block(270) & { [i] -> [j] : i mod 27 = 0 and j mod 27 = 0 }"},
        Equal{"neighborhood(50, 12, 5)",
              "{ [i] -> [j] : j <= i and floor(i/12) - floor(j/12) <= 2 and "
              "-2 <= i mod 12 - j mod 12 <= 2 }"},
        Equal{"neighborhood(8, 6, 5, 3)",
              "{ [i] -> [j] : j <= i and floor(i/48) = floor(j/48) and "
              "floor(i/6) - floor(j/6) <= 2 and -1 <= i mod 6 - j mod 6 <= 1 }"},
        Equal{"neighborhood(1, 9, 7)", "block(9) & local(3)"},
        Equal{"neighborhood(100, 1, 7)", "block(100) & local(3)"},
        Equal{"neighborhood(9, 6, 31)", "block(54)"}));

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
        Wrong{"fixed(4)", 0, "expected fixed(l, c) or fixed(l, c, s), found 1 argument"},
        Wrong{"dense | fixed(8, 3, 2)", 8,
              "expected s < floor(l / c) in fixed(l, c, s), found fixed(8, 3, 2)"},
        Wrong{"summary(8, 3, -1)", 14, "expected 0 <= s, found s = -1"},
        Wrong{"summary_by_head(8, 3)", 0,
              "expected l = k * c with k from 1 to 1024 in summary_by_head(l, c), found "
              "summary_by_head(8, 3)"},
        Wrong{"fixed_by_head(2048, 1)", 0,
              "expected l = k * c with k from 1 to 1024 in fixed_by_head(l, c), found "
              "fixed_by_head(2048, 1)"},
        Wrong{"local(-1)", 6, "expected 0 <= w, found w = -1"},
        Wrong{"stride(0)", 7, "expected 1 <= l, found l = 0"},
        Wrong{"summary(4, 5)", 11, "expected 1 <= c <= l, found c = 5 and l = 4"},
        Wrong{"fixed(4, 0)", 9, "expected 1 <= c <= l, found c = 0 and l = 4"},
        Wrong{"global()", 0, "expected global(k) or global(k, l), found 0 arguments"},
        Wrong{"dense | global(1, 2, 3)", 8,
              "expected global(k) or global(k, l), found 3 arguments"},
        Wrong{"global(9, 8)", 7, "expected 1 <= k <= l, found k = 9 and l = 8"},
        Wrong{"neighborhood(8, 8)", 0,
              "expected neighborhood(h, w, k) or neighborhood(h, w, kh, kw), found 2 arguments"},
        Wrong{"neighborhood(8, 8, 4)", 19, "expected an odd k, found k = 4"},
        Wrong{"neighborhood(8, 8, 3, 0)", 22, "expected 1 <= kw, found kw = 0"},
        Wrong{"neighborhood(8, 8, 6, 2)", 19, "expected an odd kh, found kh = 6"},
        Wrong{"dilated(0, 1)", 8, "expected 1 <= w, found w = 0"},
        Wrong{"dilated(4)", 0, "expected dilated(w, d), found 1 argument"},
        Wrong{"longnet(16, 1)", 12, "expected 2 <= a, found a = 1"},
        Wrong{"longnet(16)", 0, "expected longnet(w, a) or longnet(w, a, s), found 1 argument"},
        Wrong{"axial()", 0, "expected axial(w), found 0 arguments"},
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
        Wrong{"{ [i] -> [j] : i mod j = 0 }", 21,
              "expected a positive constant, found what depends on a position"},
        Wrong{"{ [i] -> [j] : i mod 0 = 0 }", 21, "expected a positive constant, found 0"},
        Wrong{"{ [i] -> [j] : i mod (2 - 5) = 0 }", 21, "expected a positive constant, found -3"},
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
  EXPECT_EQ(Pattern::factors("axial(8)"), (Texts{"block(8)", "stride(8)"}));
  // Unions, but of parts that no layer or head takes alone.
  EXPECT_EQ(Pattern::factors("global(2, 8)"), Texts{"global(2, 8)"});
  EXPECT_EQ(Pattern::factors("longnet(8, 2)"), Texts{"longnet(8, 2)"});
}

TEST(Parse, SubBlocks) {
  EXPECT_EQ(pictureOf("summary(4, 2, 0)"), pictureOf("summary(4, 2)"));
  EXPECT_EQ(pictureOf("summary(4, 2, 1)"), pictureOf("dense - summary(4, 2)"));
  EXPECT_EQ(pictureOf("fixed(4, 1, 0)"), pictureOf("fixed(4, 1)"));
  EXPECT_EQ(pictureOf("fixed(4, 1, 3)"),
            pictureOf("block(4) | { [i] -> [j] : j <= i and j mod 4 = 0 }"));
  // What is left of a block that c does not divide is of no sub-block.
  EXPECT_EQ(pictureOf("summary(5, 2, 1)"),
            pictureOf("{ [i] -> [j] : j <= i and 1 <= j mod 5 <= 2 }"));
  EXPECT_EQ(Pattern::factors("fixed(8, 2, 3)"),
            (std::vector<std::string>{"block(8)", "summary(8, 2, 3)"}));
}

TEST(HeadPatterns, ANameByHeadIsOnePatternAHead) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(headPatterns({"dense"}, 8), Texts{"dense"});
  EXPECT_EQ(headPatterns({"local(2)", "sinks(1)"}, 5), (Texts{"local(2)", "sinks(1)"}));
  EXPECT_EQ(headPatterns({"summary_by_head(6, 2)"}, 8),
            (Texts{"summary(6, 2, 0)", "summary(6, 2, 1)", "summary(6, 2, 2)"}));
  EXPECT_EQ(headPatterns({"fixed_by_head(6,2)"}, 2), (Texts{"fixed(6, 2, 0)", "fixed(6, 2, 1)"}));
  EXPECT_EQ(headPatterns({"fixed_by_head(6, 6)"}, 4), Texts{"fixed(6, 6, 0)"});
  // Names within an expression keep step, whatever their numbers of patterns are.
  EXPECT_EQ(headPatterns({"sinks(1)|(summary_by_head( 4,2 ) & dense) | summary_by_head(3, 1)"}, 9),
            (Texts{"sinks(1)|(summary(4, 2, 0) & dense) | summary(3, 1, 0)",
                   "sinks(1)|(summary(4, 2, 1) & dense) | summary(3, 1, 1)",
                   "sinks(1)|(summary(4, 2, 0) & dense) | summary(3, 1, 2)",
                   "sinks(1)|(summary(4, 2, 1) & dense) | summary(3, 1, 0)",
                   "sinks(1)|(summary(4, 2, 0) & dense) | summary(3, 1, 1)",
                   "sinks(1)|(summary(4, 2, 1) & dense) | summary(3, 1, 2)"}));
  // Where heads take several texts in turn, those of one text take its patterns in turn.
  EXPECT_EQ(headPatterns({"block(4)", "summary_by_head(4, 2)"}, 6),
            (Texts{"block(4)", "summary(4, 2, 0)", "block(4)", "summary(4, 2, 1)"}));
  EXPECT_EQ(headPatterns({"a mistake"}, 3), Texts{"a mistake"});
}

TEST(HeadPatterns, ANameByHeadIsNoPattern) {
  EXPECT_EQ(Pattern::factors("fixed_by_head(8, 2)"),
            (std::vector<std::string>{"block(8)", "summary_by_head(8, 2)"}));
  EXPECT_EQ(Pattern::alignment("fixed_by_head(8, 2)"), 8);
  EXPECT_FALSE(Pattern::check("dense | fixed_by_head(8, 2)").has_value());
  auto pattern = Pattern::parse("dense | fixed_by_head(8, 2)", 16);
  ASSERT_FALSE(pattern.has_value());
  EXPECT_EQ(pattern.error().offset, 8u);
  EXPECT_EQ(pattern.error().message,
            "expected the pattern of one head, such as fixed(8, 2, 0), found fixed_by_head(8, 2), "
            "whose patterns heads take in turn");
}

TEST(Parse, Alignment) {
  EXPECT_EQ(Pattern::alignment("strided(96)"), 96);
  EXPECT_EQ(Pattern::alignment("fixed(128, 32)"), 128);
  EXPECT_EQ(Pattern::alignment("local(7)"), 7);
  EXPECT_EQ(Pattern::alignment("dense"), 0);
  EXPECT_EQ(Pattern::alignment("stride(4) | stride(6)"), 12);
  EXPECT_EQ(Pattern::alignment("sinks(4)"), 0);
  EXPECT_EQ(Pattern::alignment("global(4)"), 0);
  EXPECT_EQ(Pattern::alignment("global(4, 64)"), 64);
  EXPECT_EQ(Pattern::alignment("blocks(128, 8)"), 128);
  EXPECT_EQ(Pattern::alignment("blocks(128, 3) | local(9)"), 128);
  EXPECT_EQ(Pattern::alignment("dilated(16, 4)"), 64);
  EXPECT_EQ(Pattern::alignment("axial(96)"), 96);
  EXPECT_EQ(Pattern::alignment("neighborhood(32, 96, 7, 21)"), 96);
  EXPECT_EQ(Pattern::alignment("longnet(1024, 4)"), 1024);
  EXPECT_EQ(Pattern::alignment("blocks(2147483647, 2147483647)"), 0);
}

TEST(Parse, Extent) {
  EXPECT_EQ(Pattern::extent("dense", 4096), 0);
  EXPECT_EQ(Pattern::extent("strided(96)", 4096), 96);
  EXPECT_EQ(Pattern::extent("local(7) | stride(4)", 4096), 7);
  EXPECT_EQ(Pattern::extent("blocks(128, 8)", 4096), 1024);
  EXPECT_EQ(Pattern::extent("dilated(16, 4)", 4096), 60);
  EXPECT_EQ(Pattern::extent("neighborhood(32, 96, 7, 21)", 4096), 384);
  EXPECT_EQ(Pattern::extent("longnet(64, 4)", 4096), 64);
  EXPECT_EQ(Pattern::extent("{ [i] -> [j] : j <= i and i mod 6 = j mod 4 }", 4096), 12);
}

} // namespace

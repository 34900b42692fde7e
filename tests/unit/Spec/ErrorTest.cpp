//===- ErrorTest.cpp - wrong specifications -------------------------------===//
#include "tests/unit/Spec/SpecText.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

using namespace stc::spec;

namespace {

/// One change of smallText and the only error that it may give.
struct Mistake {
  std::string line, replacement, error;
};

const Mistake mistakes[] = {
    // Unknown names.
    {"heads = 3", "heds = 3", "4:1: unknown key 'heds' in [model], did you mean 'heads'?"},
    {"heads = 3", "heads = 3\nhedas = 3",
     "5:1: unknown key 'hedas' in [model], did you mean 'heads'?"},
    {"steps = 100", "setps = 100", "15:1: unknown key 'setps' in [train], did you mean 'steps'?"},
    {"steps = 100", "steps = 100\nlearning-rate = 1",
     "16:1: unknown key 'learning-rate' in [train], did you mean 'learning_rate'?"},
    {"heads = 3", "heads = 3\ndropout = 0.1",
     "5:1: unknown key 'dropout' in [model], did you mean 'dropout' in [train]?"},
    {"[model]", "widht = 3\n[model]", "1:1: unknown key 'widht', expected one of 'name'"},
    {"[model]", "width = 3\n[model]", "1:1: unknown key 'width', did you mean 'width' in [model]?"},
    {"kind = \"text\"", "kind = \"text\"\nfoo = 1",
     "11:1: unknown key 'foo' in [data], expected one of 'kind', 'context', 'shape', 'rate', "
     "'split'"},
    {"[train]", "[trian]", "13:2: unknown section [trian], did you mean [train]?"},
    {"[train]", "[optimizer]\n[train]",
     "13:2: unknown section [optimizer], expected one of 'model', 'attention', 'data', "
     "'embedding', 'train', 'precision', 'memory', 'sample'"},
    // Wrong types and values.
    {"heads = 3", "heads = \"3\"", "4:9: expected a positive integer for 'heads', found a string"},
    {"heads = 3", "heads = 3.0", "4:9: expected a positive integer for 'heads', found 3"},
    {"heads = 3", "heads = -3", "4:9: expected a positive integer for 'heads', found -3"},
    {"heads = 3", "heads = 0", "4:9: expected a positive integer for 'heads', found 0"},
    {"heads = 3", "heads = true", "4:9: expected a positive integer for 'heads', found true"},
    {"heads = 3", "heads = [3]", "4:9: expected a positive integer for 'heads', found a list of 1"},
    {"heads = 3", "heads = {}", "4:9: expected a positive integer for 'heads', found a section"},
    {"heads = 3", "heads = 1979-05-27",
     "4:9: expected a positive integer for 'heads', found a date or time"},
    {"heads = 3", "heads = 4096", "4:9: expected at most 1024 for 'heads', found 4096"},
    {"heads = 3", "heads = 3\nvocabulary = 1",
     "5:14: expected an integer of at least 2 for 'vocabulary', found 1"},
    {"steps = 100", "steps = 100\nseed = -1",
     "16:8: expected a non-negative integer for 'seed', found -1"},
    {"0.001", "0", "16:17: expected a positive number for 'learning_rate', found 0"},
    {"0.001", "nan", "16:17: expected a positive number for 'learning_rate', found nan"},
    {"0.001", "inf", "16:17: expected a positive number for 'learning_rate', found inf"},
    {"0.001", "1e-46",
     "16:17: expected at least 1.2e-38, the smallest float32, for 'learning_rate', found 1e-46"},
    {"0.001", "1e40",
     "16:17: expected at most 3.4e+38, the largest float32, for 'learning_rate', found 1e+40"},
    // Float32 has smaller ones, which kernels take for 0.
    {"0.001", "0.1\nclip = 1e-40",
     "17:8: expected at least 1.2e-38, the smallest float32, for 'clip', found 1e-40"},
    {"0.001", "0.1\nepsilon = 1e-46",
     "17:11: expected at least 1.2e-38, the smallest float32, for 'epsilon', found 1e-46"},
    {"0.001", "0.1\nweight_decay = 1e39",
     "17:16: expected at most 3.4e+38, the largest float32, for 'weight_decay', found 1e+39"},
    {"0.001", "0.1\nweight_decay = 20.0",
     "17:16: expected learning_rate * weight_decay below 2, from which weights grow, found 0.1 * "
     "20"},
    {"0.001", "1000",
     "16:17: expected learning_rate * weight_decay below 2, from which weights grow, found 1000 * "
     "0.01"},
    {"0.001", "0.1\ndropout = 1e-300",
     "17:11: expected at least 1.2e-38, the smallest float32, for 'dropout', found 1e-300"},
    {"0.001", "0.1\nbeta1 = 0.99999999",
     "17:9: expected a number that float32 tells from 1, such as 0.999999, for 'beta1', found "
     "0.99999999"},
    {"0.001", "0.1\nbeta2 = 0.9999999",
     "17:9: expected a number that float32 tells from 1, such as 0.999999, for 'beta2', found "
     "0.9999999"},
    {"steps = 100", "steps = 100\ndropout = 1",
     "16:11: expected a number from 0 to below 1 for 'dropout', found 1"},
    {"steps = 100", "steps = 100\nweight_decay = -0.5",
     "16:16: expected a non-negative number for 'weight_decay', found -0.5"},
    {"\"text\"", "\"txt\"",
     "10:8: expected \"text\", \"image\" or \"audio\" for 'kind', found \"txt\", did you mean "
     "\"text\"?"},
    {"\"text\"", "3", "10:8: expected \"text\", \"image\" or \"audio\" for 'kind', found 3"},
    {"[model]", "name = 3\n[model]", "1:8: expected a string for 'name', found 3"},
    {"\"fixed(64, 16)\"", "[]",
     "7:11: expected a pattern or a list of patterns for 'pattern', found a list of 0"},
    {"\"fixed(64, 16)\"", "[\"dense\", 3]", "7:21: expected a string in 'pattern', found 3"},
    {"context = 1024", "context = 1024\nsplit = [0.9, 0.1]",
     "12:9: expected a list of three fractions for 'split', found a list of 2"},
    {"context = 1024", "context = 1024\nsplit = [0.9, 0.1, \"0\"]",
     "12:20: expected a number from 0 to 1 in 'split', found a string"},
    {"context = 1024", "context = 1024\nsplit = [0.9, 0.1, 0.1]",
     "12:9: expected fractions with sum 1, found 1.1"},
    {"context = 1024", "context = 1024\nsplit = [0, 0.5, 0.5]",
     "12:9: expected some data for training, found a fraction of 0"},
    {"[train]", "[memory]\nrecompute = \"budget\"\nbudget = \"2 giga\"\n[train]",
     "15:10: expected a number of bytes, or a string like \"2 GiB\" for 'budget', found \"2 "
     "giga\""},
    {"[train]", "[memory]\nrecompute = \"budget\"\nbudget = \"1e30 GiB\"\n[train]",
     "15:10: expected a number of bytes, or a string like \"2 GiB\" for 'budget', found \"1e30 "
     "GiB\""},
    {"[train]", "[memory]\nrecompute = \"budget\"\nbudget = 0\n[train]",
     "15:10: expected a number of bytes, or a string like \"2 GiB\" for 'budget', found 0"},
    // What is missing, and what has no place.
    {"heads = 3\n", "", "1:1: missing key 'heads' in [model]: expected a positive integer"},
    {"[attention]\npattern = \"fixed(64, 16)\"\n", "",
     "1:1: missing section [attention] with 'pattern'"},
    {"context = 1024\n", "", "10:8: missing key 'context' in [data]: expected a positive integer"},
    {"kind = \"text\"", "kind = \"image\"",
     "10:8: missing key 'shape' in [data], which kind = \"image\" needs: expected a list of three "
     "positive integers"},
    {"[train]", "[memory]\nrecompute = \"budget\"\n[train]",
     "14:13: missing key 'budget' in [memory], which recompute = \"budget\" needs: expected a "
     "number of bytes, or a string like \"2 GiB\""},
    {"context = 1024", "context = 1024\nrate = 8000",
     "12:8: expected 'rate' only with kind = \"audio\", found kind = \"text\""},
    {"[train]", "[embedding]\nkind = \"absolute\"\nstride = 4\n[train]",
     "15:10: expected 'stride' only with kind = \"aligned\", found kind = \"absolute\""},
    {"[model]\nlayers = 4\nwidth = 96\nheads = 3\n", "model = 3\n",
     "1:9: expected a section [model], found 3"},
    // Sizes that cannot be.
    {"width = 96", "width = 100", "3:9: expected a width divisible by the 3 heads, found 100"},
    {"heads = 3", "heads = 3\nkey_value_heads = 2",
     "5:19: expected a divisor of the 3 heads, found 2"},
    {"heads = 3", "heads = 3\nkey_value_heads = 6",
     "5:19: expected a divisor of the 3 heads, found 6"},
    {"kind = \"text\"\ncontext = 1024", "kind = \"image\"\nshape = [16, 16, 3]\ncontext = 1024",
     "12:11: expected the 768 elements of an image of 16 x 16 x 3, found 1024"},
    {"kind = \"text\"\ncontext = 1024", "kind = \"image\"\nshape = [16, 0, 3]",
     "11:14: expected an integer from 1 to 65536 in 'shape', found 0"},
    {"kind = \"text\"\ncontext = 1024", "kind = \"image\"\nshape = [65536, 65536, 65536]",
     "11:9: expected a shape of at most 2147483647 elements, found 281474976710656"},
    {"context = 1024", "context = 2147483648",
     "11:11: expected at most 2147483647 for 'context', found 2147483648"},
    {"[train]", "[embedding]\nstride = 2048\n[train]",
     "14:10: expected a stride of at most the context of 1024, found 2048"},
    {"[train]", "[embedding]\nkind = \"image\"\n[train]",
     "14:8: expected \"aligned\" or \"absolute\" for data that are no images, found \"image\""},
    {"steps = 100", "steps = 100\nwarmup = 101",
     "16:10: expected a warm-up within the 100 steps, found 101"},
    // Patterns.
    {"fixed(64, 16)", "fixed(4096, 16)",
     "7:12: expected a pattern no wider than the context of 1024, found fixed(4096, 16)"},
    {"fixed(64, 16)", "local(1025)",
     "7:12: expected a pattern no wider than the context of 1024, found local(1025)"},
    {"fixed(64, 16)", "dense | stride(6) & local(1025)",
     "7:32: expected a pattern no wider than the context of 1024, found local(1025)"},
    {"fixed(64, 16)", "(dense - sinks(2000))",
     "7:21: expected a pattern no wider than the context of 1024, found sinks(2000)"},
    // What two arguments give together is too wide.
    {"fixed(64, 16)", "blocks(128, 16)",
     "7:12: expected a pattern no wider than the context of 1024, found blocks(128, 16)"},
    {"fixed(64, 16)", "local(8) | dilated(65, 17)",
     "7:23: expected a pattern no wider than the context of 1024, found dilated(65, 17)"},
    {"fixed(64, 16)", "neighborhood(128, 128, 17)",
     "7:12: expected a pattern no wider than the context of 1024, found neighborhood(128, 128, "
     "17)"},
    {"\"fixed(64, 16)\"", "\"{ [i] -> [j] : j > i }\"",
     "7:11: expected a causal pattern (j <= i), found position 0 attending to 1"},
    {"\"fixed(64, 16)\"", "\"dense\"\nintegration = \"heads\"",
     "8:15: expected a pattern of two factors or more for integration = \"heads\", found one"},
    {"\"fixed(64, 16)\"",
     "[\"dense\", \"local(2)\", \"local(3)\", \"local(4)\"]\nintegration = \"heads\"",
     "8:15: expected at most 3 factors for 3 heads, found 4"},
};

TEST(Errors, EachMistakeIsReportedOnceAtItsPlace) {
  for (const Mistake &mistake : mistakes) {
    std::string text = withLine(mistake.line, mistake.replacement);
    EXPECT_EQ(errorsOf(text), "t.toml:" + mistake.error + "\n") << text;
  }
}

TEST(Errors, AllMistakesAreReportedInOrder) {
  EXPECT_EQ(errorsOf(R"toml([model]
layers = "four"
width = 100
heds = 3

[attention]
pattern = "fixed(64, 16) | foo(3)"
integration = "merge"

[data]
kind = "text"
context = 1024

[train]
batch = 0
steps = 100
learning_rate = 0.001
)toml")
                .substr(0, 148),
            "t.toml:2:10: expected a positive integer for 'layers', found a string\n"
            "t.toml:4:1: unknown key 'heds' in [model], did you mean 'heads'?\n"
            "t.toml:7:28: ");
  EXPECT_EQ(errorsOf(""), "t.toml:1:1: missing section [attention] with 'pattern'\n"
                          "t.toml:1:1: missing section [data] with 'kind'\n"
                          "t.toml:1:1: missing section [model] with 'layers', 'width', 'heads'\n"
                          "t.toml:1:1: missing section [train] with 'batch', 'steps', "
                          "'learning_rate'\n");
}

/// The place of the first error, "line:column".
std::string placeOf(std::string_view text) {
  auto spec = parseSpec(text, "t.toml");
  return spec ? "none"
              : std::to_string(spec.error()[0].line) + ":" + std::to_string(spec.error()[0].column);
}

TEST(Errors, PatternsArePointedInto) {
  auto pattern = [](std::string_view text) { return withLine("\"fixed(64, 16)\"", text); };
  EXPECT_EQ(placeOf(pattern("\"dense | foo\"")), "7:20");
  EXPECT_EQ(placeOf(pattern("'dense | foo'")), "7:20");
  EXPECT_EQ(placeOf(pattern("[\"dense\", \"foo\"]")), "7:22");
  EXPECT_EQ(placeOf(pattern("\"\"\"\ndense |\n  foo\"\"\"")), "9:3");
  EXPECT_EQ(placeOf(pattern("'''dense |\r\n  foo'''")), "8:3");
  // Escapes: the whole string.
  EXPECT_EQ(placeOf(pattern("\"dense\\u0020| foo\"")), "7:11");
}

TEST(Errors, APatternHasToFitTheOthersItIsMergedWith) {
  std::string list = "[\"dense\"";
  for (int k = 0; k < 500; ++k)
    list += ", \"dense\"";
  std::string text = withLine("\"fixed(64, 16)\"", list + "]");
  EXPECT_EQ(errorsOf(text), "t.toml:7:11: the union of the patterns: expected a pattern of at most "
                            "4096 bytes, found 5007\n");
  // One level less than a pattern may have: the parentheses of the union are the last one.
  std::string deep = std::string(63, '(') + "dense" + std::string(63, ')');
  EXPECT_EQ(errorsOf(withLine("\"fixed(64, 16)\"", "\"" + deep + "\"")), "");
  EXPECT_EQ(errorsOf(withLine("\"fixed(64, 16)\"", "[\"dense\", \"" + deep + "\"]")),
            "t.toml:7:11: the union of the patterns: expected at most 64 levels of nesting\n");
}

TEST(Errors, SyntaxIsToldByTheToml) {
  EXPECT_EQ(errorsOf("name = \"a"),
            "t.toml:1:10: error while parsing string: encountered end-of-file\n");
  EXPECT_EQ(errorsOf("[model]\nx = 1\nx = 2").substr(0, 13), "t.toml:3:5: e");
  EXPECT_NE(errorsOf(std::string(100, '[')), "");
  EXPECT_NE(errorsOf("a = " + std::string(100000, '[')), "");
  EXPECT_NE(errorsOf("\xff\xfe"), "");
  EXPECT_NE(errorsOf("[=]"), "");
  EXPECT_NE(errorsOf("layers = 4 # \xc3\xa9\n\xc3\xa9 = 1"), "");
  EXPECT_EQ(errorsOf(std::string(65537, ' ')),
            "t.toml: expected a specification of at most 65536 bytes, found more\n");
  // The deepest that a file of this size can nest.
  std::string deep = "a";
  while (deep.size() < 65530)
    deep += ".a";
  EXPECT_NE(errorsOf(deep + " = 1"), "");
  EXPECT_NE(errorsOf("[" + deep + "]"), "");
}

TEST(Errors, EachIsALineWhateverTheFileHolds) {
  auto unknownKey = [](const std::string &name) {
    return errorsOf(withLine("heads = 3", "heads = 3\n" + name + " = 1"));
  };
  EXPECT_EQ(unknownKey("\"a\\nb\\u001b\"").substr(0, 29), "t.toml:5:1: unknown key 'a.b.");
  EXPECT_EQ(unknownKey('"' + std::string(10000, 'x') + '"').size(), 516u);
  std::string e = "\u00e9", key; // of two bytes, of which none is left alone
  for (int k = 0; k < 1000; ++k)
    key += e;
  std::string cut = unknownKey("\"x" + key + '"');
  EXPECT_TRUE(cut.ends_with(e + "...\n")) << cut;
  EXPECT_EQ(placeOf(withLine("layers = 4", std::string("layers = i\0x", 12))), "2:11");
}

TEST(Errors, FilesThatCannotBeRead) {
  auto missing = readSpec("/nonexistent/a.toml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error()[0].str(),
            "/nonexistent/a.toml: cannot open the file: No such file or directory");
  auto folder = readSpec("/");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error()[0].str(), "/: cannot read the file");
}

TEST(Errors, NoTextCrashes) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  auto below = [&](size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random);
  };
  const std::string pieces[] = {"\"",
                                "'''",
                                "[",
                                "]",
                                "[[",
                                "=",
                                "\n",
                                "{",
                                "}",
                                ",",
                                "-1",
                                "1e999",
                                "9223372036854775807",
                                "\\u00",
                                "\xf0",
                                ".",
                                "kind",
                                "heads",
                                "#"};
  for (int round = 0; round < 20000; ++round) {
    std::string text = smallText;
    for (size_t change = 1 + below(4); change > 0; --change) {
      size_t at = below(text.size() + 1);
      switch (below(4)) {
      case 0:
        text.insert(at, pieces[below(std::size(pieces))]);
        break;
      case 1:
        text.erase(at, below(20));
        break;
      case 2:
        text.insert(at, text.substr(below(text.size() + 1), below(40)));
        break;
      default:
        if (at < text.size())
          text[at] = static_cast<char>(below(256));
      }
    }
    auto spec = parseSpec(text, "t.toml");
    if (!spec) {
      ASSERT_FALSE(spec.error().empty());
      for (const SpecError &error : spec.error())
        ASSERT_FALSE(error.message.empty() || error.line < 0) << text;
    } else {
      ASSERT_GT(countParameters(*spec), 0);
      ASSERT_EQ(static_cast<int64_t>(layerPatterns(*spec).size()), spec->model.layers);
    }
  }
}

} // namespace

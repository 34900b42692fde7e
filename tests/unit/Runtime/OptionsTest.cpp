//===- OptionsTest.cpp - every option of stc-run with its extreme values ---------------------===//
//
// What there is comes from --help, so that nobody has to keep a list.
//
//===----------------------------------------------------------------------------------------===//
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/TestProgram.h"
#include "tools/command-line/Number.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>

namespace stc::runtime::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Number, TakesAllOfTheText) {
  EXPECT_EQ(cli::parseNumber<int64_t>("-12"), -12);
  EXPECT_EQ(cli::parseNumber<int64_t>("010"), 10); // not octal
  EXPECT_EQ(cli::parseNumber<uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(cli::parseNumber<double>("1e-320"), 1e-320);
  EXPECT_EQ(cli::parseNumber<double>("-0.5"), -0.5);
  for (const char *text :
       {"", " ", " 5", "5 ", "+5", "5x", "0x10", "nan", "inf", "1e3", "--5", "5,"})
    EXPECT_FALSE(cli::parseNumber<int64_t>(text)) << text;
  for (const char *text : {"", " 5", "5 ", "nan", "-nan", "NaN", "inf", "-inf", "infinity", "1e400",
                           "-1e400", "0x1p3", "1e", "."})
    EXPECT_FALSE(cli::parseNumber<double>(text)) << text;
}

TEST(Number, SaysWhatItExpected) {
  auto error = [](auto parsed) { return parsed.error(); };
  EXPECT_EQ(error(cli::parseNumber<int>("0", {1, 4096})),
            "expected an integer of 1 to 4096, found '0'");
  EXPECT_EQ(error(cli::parseNumber<int64_t>("9223372036854775808", {1})),
            "expected an integer of at least 1, found '9223372036854775808', which is too large to "
            "hold");
  EXPECT_EQ(error(cli::parseNumber<int64_t>("x")), "expected an integer, found 'x'");
  EXPECT_EQ(error(cli::parseNumber<uint64_t>("-1")),
            "expected an integer of at least 0, found '-1'");
  EXPECT_EQ(error(cli::parseNumber<double>("-1", {0})),
            "expected a number of at least 0, found '-1'");
  EXPECT_EQ(error(cli::parseNumber<double>("nan", {0, 1})),
            "expected a number of 0 to 1, found 'nan'");
}

std::vector<std::string> linesOf(const std::string &text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

std::vector<std::string> commands() {
  std::vector<std::string> names;
  bool listed = false;
  for (const std::string &line : linesOf(run({"--help"}).out)) {
    std::smatch match;
    if (listed && std::regex_search(line, match, std::regex("^  ([a-z]+) ")))
      names.push_back(match[1]);
    listed |= line == "Subcommands:";
  }
  return names;
}

struct HelpOption {
  std::string name, type, text;
};

// "  -o,--out TEXT REQUIRED      words", which go on in the next lines.
std::vector<HelpOption> optionsOf(const std::string &help) {
  std::vector<HelpOption> options;
  const std::regex start("^  (?:-[a-z],)?(--[a-z-]+)(?:,\\S+)?(?: (\\S+))?(.*)$");
  bool listed = false;
  for (const std::string &line : linesOf(help)) {
    std::smatch match;
    if (line.empty())
      listed = false;
    else if (line == "Options:")
      listed = true;
    else if (listed && std::regex_match(line, match, start))
      options.push_back({match[1], match[2], match[3]});
    else if (listed && !options.empty())
      options.back().text += line;
  }
  return options;
}

bool isNumber(const HelpOption &option) {
  return option.type == "N" || option.type == "X" || option.type == "N,N,...";
}

void expectOneLine(const Outcome &outcome, const std::string &what) {
  EXPECT_THAT(outcome.err, StartsWith("stc-run: error: ")) << what;
  EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << what << ": " << outcome.err;
  EXPECT_LT(outcome.err.size(), 400u) << what;
}

TEST(Options, NumbersAreInTheHelpWithTheirDefaults) {
  int numbers = 0;
  for (const std::string &command : commands())
    for (const HelpOption &option : optionsOf(run({command, "--help"}).out)) {
      // What the library reads by itself would have these types, and none of our checks.
      EXPECT_THAT(option.type, testing::Not(AnyOf("INT", "UINT", "FLOAT"))) << option.name;
      numbers += isNumber(option);
      if (isNumber(option))
        EXPECT_THAT(option.text, AnyOf(HasSubstr("default: "), HasSubstr("instead")))
            << command << " " << option.name;
    }
  EXPECT_GE(numbers, 30); // or the help was not understood
}

/// A call with all that the command requires, none of which exists.
std::vector<std::string> callOf(const std::string &command, const std::string &help) {
  std::vector<std::string> call = {command};
  std::istringstream usage(linesOf(help).at(1));
  for (std::string word; usage >> word;)
    if (std::regex_match(word, std::regex("[a-z]+\\.*")) && word != "stc" && word != command)
      call.push_back(temporaryPath("none"));
  for (const HelpOption &option : optionsOf(help))
    if (option.text.find("REQUIRED") != std::string::npos)
      call.insert(call.end(), {option.name, temporaryPath("none")});
  return call;
}

TEST(Options, ExtremeValuesAreTakenOrRefusedInOneLine) {
  struct Value {
    std::string text;
    bool mayBeInteger, mayBeReal;
  };
  const Value values[] = {{"nan", false, false},
                          {"inf", false, false},
                          {"1e400", false, false},
                          {"", false, false},
                          {"0x1", false, false},
                          {"1e-320", false, true},
                          {"99999999999999999999", false, true},
                          {"-1", true, true},
                          {"0", true, true}};
  for (const std::string &command : commands()) {
    const std::string help = run({command, "--help"}).out;
    const std::vector<std::string> call = callOf(command, help);
    for (const HelpOption &option : optionsOf(help))
      for (const Value &value : values) {
        if (!isNumber(option))
          continue;
        std::vector<std::string> arguments = call;
        arguments.push_back(option.name + "=" + value.text);
        Outcome outcome = run(arguments);
        std::string what = command + " " + arguments.back();
        expectOneLine(outcome, what);
        // Where the value fits, that none of the files exists is an error of the first of them.
        if (option.type == "X" ? value.mayBeReal : value.mayBeInteger)
          EXPECT_THAT(outcome.code, AnyOf(1, 2)) << what;
        else
          EXPECT_EQ(outcome.code, 2) << what;
      }
  }
}

TEST(Options, MistakesGetTheNameThatWasMeant) {
  auto error = [](std::vector<std::string> arguments) {
    Outcome outcome = run(std::move(arguments));
    EXPECT_EQ(outcome.code, 2);
    expectOneLine(outcome, "");
    return outcome.err;
  };
  EXPECT_THAT(error({"trian", "x.stcp", "--data", "y"}), HasSubstr("expected prepare, train, "));
  EXPECT_THAT(error({"trian"}), HasSubstr("found 'trian'; did you mean train?"));
  EXPECT_THAT(error({}), HasSubstr("expected a command: prepare, train, "));
  EXPECT_THAT(error({"info", "x", "--threds", "2"}), HasSubstr("found '--threds'; did you mean "
                                                               "--threads?"));
  EXPECT_THAT(error({"info", "x", "y"}), HasSubstr("expected no further argument, found 'y'"));
  EXPECT_THAT(error({"eval", "x", "--data", "y", "--weights", "z", "--split", "3"}),
              HasSubstr("--split: expected train, valid, test or all, found '3'"));
  EXPECT_THAT(error({"eval", "x", "--data", "y", "--weights", "z", "--split", "tests"}),
              HasSubstr("did you mean test?"));
  EXPECT_THAT(error({"info", "x", "--device", "gpu"}),
              HasSubstr("--device: expected host or cuda, found 'gpu'"));
  EXPECT_THAT(error({"prepare", "x", "y", "--out", "z", "--fit", "1"}),
              HasSubstr("--fit: expected scale or cut, found '1'"));
}

TEST(Options, EveryCommandShowsAnExampleThatItTakes) {
  // Where none of the files is.
  std::filesystem::create_directories(temporaryPath("empty"));
  std::filesystem::current_path(temporaryPath("empty"));
  int examples = 0;
  for (const std::string &command : commands()) {
    const std::string help = run({command, "--help"}).out;
    std::smatch match;
    ASSERT_TRUE(std::regex_search(help, match, std::regex("\nexample:\n  stc-run (.*)\n"))) << help;
    std::istringstream words(match[1]);
    std::vector<std::string> arguments;
    for (std::string word; words >> word;) {
      // A quotation is one argument; its spaces are of no interest here.
      std::erase(word, '"');
      if (!word.empty())
        arguments.push_back(word);
    }
    EXPECT_EQ(arguments.at(0), command);
    Outcome outcome = run(arguments);
    EXPECT_THAT(outcome.code, AnyOf(1, 5)) << outcome.err; // no such file, or no such folder
    expectOneLine(outcome, command);
    ++examples;
  }
  EXPECT_GE(examples, 10);
}

TEST(Options, Version) {
  Outcome version = run({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(std::regex_match(version.out, std::regex("stc-run [0-9]+\\.[0-9]+\\.[0-9]+\n")))
      << version.out;
}

} // namespace
} // namespace stc::runtime::test

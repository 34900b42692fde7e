//===- CommandLine.h - what the commands' command lines have in common ---------------------===//
//
// Every number goes through one parser, every choice through one list. A mistake is one line on
// stderr and exit code 2; names that are nearly right get "did you mean".
//
//===----------------------------------------------------------------------------------------===//
#pragma once

#include "tools/command-line/Number.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stc::cli {

/// A command of an application. What the library does for it is compiled once, in the .cpp file.
CLI::App *addCommand(CLI::App &app, const std::string &name, const std::string &description);

/// An option whose argument a function reads; `type` is what --help calls it.
CLI::Option *addReader(CLI::App &command, const std::string &name,
                       std::function<void(const std::string &)> read,
                       const std::string &description, const std::string &type);

/// An option that takes one number in a range; `T` is int, int64_t, uint64_t, double, or one of
/// these as std::optional.
template <class T>
CLI::Option *addNumber(CLI::App &command, const std::string &name, T &target,
                       const std::string &description, Range<NumberOf<T>> range = {}) {
  auto read = [&target, name, range](const std::string &text) {
    auto number = parseNumber(text, range);
    if (!number)
      throw CLI::ValidationError(name, number.error());
    target = *number;
  };
  return addReader(command, name, read, description, std::is_integral_v<NumberOf<T>> ? "N" : "X");
}

/// An option that takes numbers with commas between them, as one argument: 0,256,384.
CLI::Option *addNumbers(CLI::App &command, const std::string &name, std::vector<int64_t> &target,
                        const std::string &description, Range<int64_t> range = {});

/// "expected train, valid or test, found '3'; did you mean ...?".
std::string unknownName(const std::string &found, const std::vector<std::string> &known);

/// An option that takes one of some names.
template <class T>
CLI::Option *addChoice(CLI::App &command, const std::string &name, T &target,
                       const std::vector<std::pair<std::string, T>> &choices,
                       const std::string &description) {
  auto read = [&target, name, choices](const std::string &text) {
    std::vector<std::string> known;
    for (const auto &[word, value] : choices) {
      if (word == text)
        return void(target = value);
      known.push_back(word);
    }
    throw CLI::ValidationError(name, unknownName(text, known));
  };
  return addReader(command, name, read, description, "NAME");
}

/// The same where the value is the name.
CLI::Option *addName(CLI::App &command, const std::string &name, std::string &target,
                     const std::vector<std::string> &names, const std::string &description);

/// Shows how the command is called, at the end of its --help.
void addExample(CLI::App &command, const std::string &line);

/// Reads the command line. A value is the exit code of a run that ends here: 0 after --help or
/// --version, which every command gets, and 2 after a mistake.
std::optional<int> parse(CLI::App &app, int argc, char **argv);

} // namespace stc::cli

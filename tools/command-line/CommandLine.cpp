//===- CommandLine.cpp - what the commands' command lines have in common -------------------===//
#include "tools/command-line/CommandLine.h"

#include "runtime/Support/File.h"
#include "runtime/Support/Nearest.h"
#include "runtime/Support/Text.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

namespace stc::cli {

static constexpr int usageError = 2;

static std::string didYouMean(const std::string &found, const std::vector<std::string> &known) {
  std::vector<std::string_view> candidates(known.begin(), known.end());
  auto best = nearest(found, candidates);
  return best ? fmt::format("; did you mean {}?", *best) : "";
}

static std::string list(const std::vector<std::string> &names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 < names.size() ? ", " : " or ") + names[i];
  return text;
}

std::string unknownName(const std::string &found, const std::vector<std::string> &known) {
  return fmt::format("expected {}, found '{}'{}", list(known), runtime::printable(found),
                     didYouMean(found, known));
}

CLI::App *addCommand(CLI::App &app, const std::string &name, const std::string &description) {
  return app.add_subcommand(name, description);
}

CLI::Option *addReader(CLI::App &command, const std::string &name,
                       std::function<void(const std::string &)> read,
                       const std::string &description, const std::string &type) {
  return command.add_option_function<std::string>(name, read, description)->type_name(type);
}

void addExample(CLI::App &command, const std::string &line) {
  command.footer("example:\n  " + line);
}

CLI::Option *addName(CLI::App &command, const std::string &name, std::string &target,
                     const std::vector<std::string> &names, const std::string &description) {
  std::vector<std::pair<std::string, std::string>> choices;
  for (const std::string &one : names)
    choices.emplace_back(one, one);
  return addChoice(command, name, target, choices, description);
}

CLI::Option *addNumbers(CLI::App &command, const std::string &name, std::vector<int64_t> &target,
                        const std::string &description, Range<int64_t> range) {
  auto read = [&target, name, range](const std::string &text) {
    target.clear();
    for (size_t at = 0; at <= text.size();) {
      size_t end = std::min(text.find(',', at), text.size());
      auto number = parseNumber(std::string_view(text).substr(at, end - at), range);
      if (!number)
        throw CLI::ValidationError(name, number.error());
      target.push_back(*number);
      at = end + 1;
    }
  };
  return addReader(command, name, read, description, "N,N,...");
}

// The library only says that a command is required, or what was not expected.
static std::string describe(const CLI::App &app, const CLI::ParseError &error) {
  auto commands = app.get_subcommands([](const CLI::App *) { return true; });
  auto chosen = app.get_subcommands();
  if (!commands.empty() && chosen.empty()) {
    std::vector<std::string> names, rest = app.remaining();
    for (const CLI::App *command : commands)
      names.push_back(command->get_name());
    return rest.empty() ? fmt::format("expected a command: {}", list(names))
                        : unknownName(rest.front(), names);
  }
  const CLI::App &command = chosen.empty() ? app : *chosen.front();
  std::vector<std::string> rest = app.remaining(/*recurse=*/true);
  if (error.get_exit_code() != int(CLI::ExitCodes::ExtrasError) || rest.empty())
    return error.what();
  std::vector<std::string> options;
  for (const CLI::Option *option : command.get_options([](const CLI::Option *) { return true; }))
    for (const std::string &name : option->get_lnames())
      options.push_back("--" + name);
  auto unknown =
      std::ranges::find_if(rest, [](const std::string &word) { return word.starts_with("-"); });
  if (unknown == rest.end())
    return fmt::format("expected no further argument, found '{}'", runtime::printable(rest[0]));
  return fmt::format("expected an option of this command, found '{}'{}",
                     runtime::printable(*unknown), didYouMean(*unknown, options));
}

std::optional<int> parse(CLI::App &app, int argc, char **argv) {
  app.set_version_flag("--version", app.get_name() + " " STC_VERSION);
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success &done) {
    return app.exit(done);
  } catch (const CLI::ParseError &error) {
    std::string message = describe(app, error);
    fmt::print(stderr, "{}: error: {}\n", app.get_name(),
               runtime::forTerminal(message.substr(0, message.find('\n'))));
    return usageError;
  }
}

} // namespace stc::cli

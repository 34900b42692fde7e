//===- Read.cpp - TOML to a Spec ------------------------------------------===//
#include "compiler/Spec/Document.h"
#include "compiler/Spec/Keys.h"
#include "compiler/Spec/Toml.h"
#include "runtime/Support/Nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

namespace stc::spec {
namespace {

Place placeOf(const toml::source_region &region) {
  return {std::max(1, static_cast<int>(region.begin.line)),
          std::max(1, static_cast<int>(region.begin.column))};
}

/// What stands in the file, for "expected ..., found ...": numbers as they are, others by type.
std::string found(const toml::node &node) {
  switch (node.type()) {
  case toml::node_type::integer:
    return std::to_string(node.as_integer()->get());
  case toml::node_type::floating_point:
    return fmt::format("{}", node.as_floating_point()->get());
  case toml::node_type::string:
    return "a string";
  case toml::node_type::boolean:
    return node.as_boolean()->get() ? "true" : "false";
  case toml::node_type::array:
    return "a list";
  case toml::node_type::table:
    return "a section";
  default:
    return "a date or time";
  }
}

std::optional<double> asNumber(const toml::node &node) {
  if (auto *integer = node.as_integer())
    return static_cast<double>(integer->get());
  if (auto *floating = node.as_floating_point(); floating && std::isfinite(floating->get()))
    return floating->get();
  return std::nullopt;
}

/// "512 MiB" in bytes; nothing if it is no such text or does not fit.
std::optional<int64_t> parseBytes(std::string_view text) {
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc())
    return std::nullopt;
  std::string_view unit = text.substr(end - text.data());
  while (unit.starts_with(' '))
    unit.remove_prefix(1);
  static constexpr std::pair<std::string_view, double> units[] = {
      {"B", 1},    {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40},
      {"kB", 1e3}, {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12}};
  for (auto [name, factor] : units)
    if (unit == name && number * factor >= 1 && number * factor < 0x1p62)
      return static_cast<int64_t>(number * factor);
  return std::nullopt;
}

/// Programs compute in float32. What it cannot hold of a number: all of it, or, of a fraction, how
/// far it is from 1, as Adam's decays count by that. Nothing if it can.
std::optional<std::string> lostInFloat32(double number, Number::Range range) {
  constexpr double least = std::numeric_limits<float>::min(),
                   most = std::numeric_limits<float>::max();
  if (number > most)
    return fmt::format("at most {:.2g}, the largest float32,", most);
  if (number > 0 && number < least)
    return fmt::format("at least {:.2g}, the smallest float32,", least);
  double exact = 1 - number, rounded = 1 - double(static_cast<float>(number));
  if (range == Number::Fraction && std::abs(rounded - exact) > 0.05 * exact)
    return "a number that float32 tells from 1, such as 0.999999,";
  return std::nullopt;
}

/// Reads the value of one key into the spec and reports what is wrong with it.
class ValueReader {
public:
  ValueReader(Spec &spec, Document &document, const Key &key, const toml::node &node)
      : spec(spec), document(document), key(key), node(node) {}

  void operator()(const Integer &value) {
    auto *integer = node.as_integer();
    if (!integer || integer->get() < value.min)
      return refuse();
    if (integer->get() > value.max)
      return fail(node, fmt::format("expected at most {} for '{}', found {}", value.max, key.name,
                                    integer->get()));
    value.field(spec) = integer->get();
  }

  void operator()(const Number &value) {
    std::optional<double> number = asNumber(node);
    bool fits = number && (value.range == Number::Positive ? *number > 0 : *number >= 0) &&
                (value.range != Number::Fraction || *number < 1);
    if (!fits)
      return refuse();
    if (auto lost = lostInFloat32(*number, value.range))
      return fail(node,
                  fmt::format("expected {} for '{}', found {}", *lost, key.name, found(node)));
    value.field(spec) = *number;
  }

  void operator()(const Text &value) {
    if (!node.is_string())
      return refuse();
    value.field(spec) = node.as_string()->get();
  }

  void operator()(const Choice &value) {
    if (!node.is_string())
      return refuse();
    const std::string &word = node.as_string()->get();
    auto match = std::ranges::find(value.words, word);
    if (match != value.words.end())
      return value.set(spec, static_cast<int>(match - value.words.begin()));
    auto meant = nearest(word, value.words);
    fail(node, fmt::format("expected {} for '{}', found \"{}\"{}", expectation(key.value), key.name,
                           word, meant ? fmt::format(", did you mean \"{}\"?", *meant) : ""));
  }

  void operator()(const Patterns &value) {
    if (auto *string = node.as_string())
      return addPattern(value, *string);
    auto *list = node.as_array();
    if (!list || list->empty())
      return refuse();
    for (const toml::node &element : *list) {
      if (!element.is_string())
        return fail(element,
                    fmt::format("expected a string in '{}', found {}", key.name, found(element)));
      addPattern(value, *element.as_string());
    }
  }

  void operator()(const Sizes &value) {
    auto *list = node.as_array();
    if (!list || list->size() != 3)
      return refuse();
    for (size_t k = 0; k < 3; ++k) {
      auto *integer = list->get(k)->as_integer();
      if (!integer || integer->get() < 1 || integer->get() > value.max)
        return fail(*list->get(k), fmt::format("expected an integer from 1 to {} in '{}', found {}",
                                               value.max, key.name, found(*list->get(k))));
      value.field(spec)[k] = integer->get();
    }
  }

  void operator()(const Fractions &value) {
    auto *list = node.as_array();
    if (!list || list->size() != 3)
      return refuse();
    for (size_t k = 0; k < 3; ++k) {
      std::optional<double> number = asNumber(*list->get(k));
      if (!number || *number < 0 || *number > 1)
        return fail(*list->get(k), fmt::format("expected a number from 0 to 1 in '{}', found {}",
                                               key.name, found(*list->get(k))));
      value.field(spec)[k] = *number;
    }
  }

  void operator()(const Bytes &value) {
    if (auto *integer = node.as_integer(); integer && integer->get() > 0) {
      value.field(spec) = integer->get();
      return;
    }
    auto *string = node.as_string();
    std::optional<int64_t> bytes = string ? parseBytes(string->get()) : std::nullopt;
    if (!bytes)
      return fail(node, fmt::format("expected {} for '{}', found {}", expectation(key.value),
                                    key.name, string ? '"' + string->get() + '"' : found(node)));
    value.field(spec) = *bytes;
  }

private:
  void addPattern(const Patterns &value, const toml::value<std::string> &string) {
    value.field(spec).push_back(string.get());
    document.patterns.push_back(placeOf(string.source()));
  }

  void refuse() {
    auto *list = node.as_array();
    fail(node, fmt::format("expected {} for '{}', found {}", expectation(key.value), key.name,
                           list ? fmt::format("a list of {}", list->size()) : found(node)));
  }

  void fail(const toml::node &where, std::string message) {
    document.error(placeOf(where.source()), std::move(message));
    document.setBad(key.dotted());
  }

  Spec &spec;
  Document &document;
  const Key &key;
  const toml::node &node;
};

std::string joined(const std::vector<std::string_view> &names) {
  std::string text;
  for (std::string_view name : names)
    text += fmt::format("{}'{}'", text.empty() ? "" : ", ", name);
  return text;
}

std::vector<std::string_view> keyNames(std::string_view section) {
  std::vector<std::string_view> names;
  for (const Key &key : keys())
    if (key.section == section)
      names.push_back(key.name);
  return names;
}

/// Names the key that was probably meant, and takes it for given: it is not missing too.
void reportUnknownKey(std::string_view section, const toml::key &name, Document &document) {
  std::string message = fmt::format("unknown key '{}'", name.str());
  if (!section.empty())
    message += fmt::format(" in [{}]", section);

  const Key *meant = nullptr;
  std::vector<std::string_view> names = keyNames(section);
  if (auto near = nearest(name.str(), names))
    meant = findKey(section, *near);
  for (const Key &key : keys())
    if (!meant && key.name == name.str())
      meant = &key;

  if (!meant)
    message += fmt::format(", expected one of {}", joined(names));
  else if (meant->section == section)
    message += fmt::format(", did you mean '{}'?", meant->name);
  else
    message += fmt::format(", did you mean '{}' in [{}]?", meant->name, meant->section);
  if (meant)
    document.setBad(meant->dotted());
  document.error(placeOf(name.source()), std::move(message));
}

void reportUnknownSection(const toml::key &name, Document &document) {
  std::vector<std::string_view> names;
  for (const Section &section : sections())
    if (!section.name.empty())
      names.push_back(section.name);
  auto meant = nearest(name.str(), names);
  std::string message = fmt::format("unknown section [{}]", name.str());
  if (!meant) {
    document.error(placeOf(name.source()), message + ", expected one of " + joined(names));
    return;
  }
  document.error(placeOf(name.source()), message + fmt::format(", did you mean [{}]?", *meant));
  for (const Key &key : keys())
    if (key.section == *meant)
      document.setBad(key.dotted());
}

void readKeys(std::string_view section, const toml::table &table, Spec &spec, Document &document) {
  for (auto &&[name, node] : table) {
    const Key *key = findKey(section, name.str());
    if (key) {
      document.values[key->dotted()] = placeOf(node.source());
      std::visit(ValueReader(spec, document, *key, node), key->value);
    } else if (section.empty() && node.is_table()) {
      reportUnknownSection(name, document);
    } else {
      reportUnknownKey(section, name, document);
    }
  }
}

void readSections(toml::table &file, Spec &spec, Document &document) {
  for (const Section &section : sections()) {
    toml::node *node = section.name.empty() ? nullptr : file.get(section.name);
    if (!node)
      continue;
    document.sections[std::string(section.name)] = placeOf(node->source());
    if (auto *table = node->as_table()) {
      readKeys(section.name, *table, spec, document);
    } else {
      document.error(placeOf(node->source()),
                     fmt::format("expected a section [{}], found {}", section.name, found(*node)));
      for (std::string_view name : keyNames(section.name))
        document.setBad(findKey(section.name, name)->dotted());
    }
    file.erase(section.name);
  }
  readKeys("", file, spec, document);
}

/// Keys that are required and absent, or present where they have no meaning.
void checkNeeds(Spec &spec, Document &document) {
  std::map<std::string_view, std::vector<std::string_view>> ofMissingSections;
  for (const Key &key : keys()) {
    std::string dotted = key.dotted();
    bool isGiven = document.has(dotted);
    std::string otherDotted, other;
    if (key.onlyWith) {
      const Key &otherKey = *findKey(key.onlyWith->section, key.onlyWith->name);
      otherDotted = otherKey.dotted();
      if (!document.good({otherDotted}))
        continue;
      other = fmt::format("{} = ", otherKey.name);
      if (!applies(key, spec)) {
        if (isGiven)
          document.error(document.placeOf(dotted),
                         fmt::format("expected '{}' only with {}\"{}\", found {}{}", key.name,
                                     other, key.onlyWith->word, other,
                                     print(otherKey.value, spec)));
        continue;
      }
    }
    if (isGiven || key.need == Key::Optional || !document.good({dotted}))
      continue;
    document.setBad(dotted);
    if (!document.sections.contains(key.section)) {
      ofMissingSections[key.section].push_back(key.name);
      continue;
    }
    std::string reason =
        key.onlyWith ? fmt::format(", which {}\"{}\" needs", other, key.onlyWith->word) : "";
    document.error(document.placeOf(key.onlyWith ? otherDotted : dotted),
                   fmt::format("missing key '{}' in [{}]{}: expected {}", key.name, key.section,
                               reason, expectation(key.value)));
  }
  for (const auto &[section, names] : ofMissingSections)
    document.error({1, 1}, fmt::format("missing section [{}] with {}", section, joined(names)));
}

std::string plain(std::string_view tomlMessage) {
  std::string message(tomlMessage);
  if (!message.empty())
    message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
  while (message.ends_with('.') || message.ends_with('\n'))
    message.pop_back();
  return message;
}

tl::unexpected<std::vector<SpecError>> wholeFile(std::string_view file, std::string message) {
  return tl::unexpected(std::vector{SpecError{std::string(file), 0, 0, std::move(message)}});
}

// toml++ recurses into the tables of a dotted key when it frees them: a.a.a...a = 1 over a whole
// file must not use up the stack.
constexpr size_t maxFileBytes = 1 << 16;

} // namespace

tl::expected<Spec, std::vector<SpecError>> parseSpec(std::string_view text, std::string_view file) {
  if (text.size() > maxFileBytes)
    return wholeFile(file, fmt::format("expected a specification of at most {} bytes, found more",
                                       maxFileBytes));
  Document document(text, file);
  toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    document.error(placeOf(parsed.error().source()), plain(parsed.error().description()));
    return tl::unexpected(document.takeErrors());
  }

  Spec spec;
  spec.name = std::filesystem::path(file).stem().string();
  spec.text = text;
  spec.file = file;
  readSections(parsed.table(), spec, document);
  if (!document.has("embedding.kind")) {
    spec.embedding.kind =
        spec.data.kind == DataKind::Image ? EmbeddingKind::Image : EmbeddingKind::Aligned;
    if (!document.good({"data.kind"}) || !document.has("data.kind"))
      document.setBad("embedding.kind");
  }
  checkNeeds(spec, document);
  complete(spec, document);
  if (document.hasErrors())
    return tl::unexpected(document.takeErrors());
  Place pattern = document.placeOf("attention.pattern");
  spec.patternLine = pattern.line;
  spec.patternColumn = pattern.column;
  Place width = document.placeOf("model.width");
  spec.widthLine = width.line;
  spec.widthColumn = width.column;
  Place budget = document.placeOf("memory.budget");
  spec.budgetLine = budget.line;
  spec.budgetColumn = budget.column;
  return spec;
}

tl::expected<Spec, std::vector<SpecError>> readSpec(const std::filesystem::path &file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return wholeFile(file.string(), fmt::format("cannot open the file: {}", std::strerror(errno)));
  std::string text(maxFileBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad() || std::filesystem::is_directory(file))
    return wholeFile(file.string(), "cannot read the file");
  text.resize(static_cast<size_t>(stream.gcount()));
  return parseSpec(text, file.string());
}

} // namespace stc::spec

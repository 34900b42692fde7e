//===- Keys.h - the table of a specification's keys -----------------------===//
//
// One row a key: where it stands, which values it takes, where they go, and what it means.
// Reading, suggestions for misspelt keys, `settings` and the reference page all follow from it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Spec/Spec.h"

#include <optional>
#include <span>
#include <variant>

namespace stc::spec {

/// The longest sequence, of any kind of data.
constexpr int64_t maxContext = (int64_t(1) << 31) - 1;

// The kinds of value. Each gives access to its field of the Spec.
struct Integer {
  int64_t &(*field)(Spec &);
  int64_t min, max;
};
struct Number {
  double &(*field)(Spec &);
  enum Range { Positive, NonNegative, Fraction } range; ///< Fraction: [0, 1)
};
struct Text {
  std::string &(*field)(Spec &);
};
struct Choice {
  std::vector<std::string_view> words;
  int (*get)(Spec &);
  void (*set)(Spec &, int);
};
/// A string or a list of strings.
struct Patterns {
  std::vector<std::string> &(*field)(Spec &);
};
/// A list of exactly three.
struct Sizes {
  std::array<int64_t, 3> &(*field)(Spec &);
  int64_t max;
};
struct Fractions {
  std::array<double, 3> &(*field)(Spec &);
};
/// An integer, or a string with a unit.
struct Bytes {
  int64_t &(*field)(Spec &);
};
using Value = std::variant<Integer, Number, Text, Choice, Patterns, Sizes, Fractions, Bytes>;

struct Section {
  std::string_view name; ///< "" for the top of the file
  std::string_view meaning;
};

struct Key {
  std::string_view section, name;
  Value value;
  std::string_view meaning;
  /// The section or equation of the paper.
  std::string_view paper = "";
  enum Need { Optional, Required } need = Optional;
  /// In words, where the default is computed; else it is the value of a fresh Spec.
  std::string_view defaultText = "";
  /// The key is allowed (and, if Required, required) only where this other key has this word.
  struct Condition {
    std::string_view section, name, word;
  };
  std::optional<Condition> onlyWith = std::nullopt;

  /// "data.kind"
  std::string dotted() const;
};

std::span<const Section> sections();
std::span<const Key> keys();
/// No key has this name in this section: null.
const Key *findKey(std::string_view section, std::string_view name);

/// "a positive integer": for errors and for the reference.
std::string expectation(const Value &value);
/// The value that a spec has, as TOML writes it, or without the quotes of a string.
std::string print(const Value &value, Spec &spec, bool quotes = true);
/// True where the key's condition holds in the spec, or it has none.
bool applies(const Key &key, Spec &spec);

} // namespace stc::spec

//===- Document.h - places and mistakes while a specification is read -----===//
//
// What the steps of reading share: where each key stands in the file, which keys are already known
// to be wrong (so that no mistake is reported twice), and the errors so far. Keys are named as in
// "model.width".
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Spec/Spec.h"

#include <initializer_list>
#include <map>
#include <set>

namespace stc::spec {

/// Line and column, from 1; columns count characters, not bytes.
struct Place {
  int line = 0, column = 0;
};

class Document {
public:
  Document(std::string_view text, std::string_view file) : text(text), file(file) {}

  void error(Place place, std::string message);
  bool hasErrors() const { return !errors.empty(); }
  /// In the order of the file.
  std::vector<SpecError> takeErrors();

  /// The place of a character inside a string value whose quotes open at `string`; where escapes
  /// make that unclear, the place of the string.
  Place inside(Place string, std::string_view value, size_t offset) const;
  /// Where a complaint about this key's value belongs: the value, else its section, else the file.
  Place placeOf(std::string_view key) const;

  bool has(std::string_view key) const { return values.contains(key); }
  /// False once any of these keys was found wrong or missing.
  bool good(std::initializer_list<std::string_view> keys) const;
  void setBad(std::string key) { bad.insert(std::move(key)); }

  std::map<std::string, Place, std::less<>> sections, values;
  /// The place of each expression of attention.pattern.
  std::vector<Place> patterns;

private:
  std::string_view text, file;
  std::set<std::string, std::less<>> bad;
  std::vector<SpecError> errors;
};

/// Fills in the defaults that follow from other keys, and checks the keys against each other.
void complete(Spec &spec, Document &document);

} // namespace stc::spec

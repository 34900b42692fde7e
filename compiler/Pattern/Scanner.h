//===- Scanner.h - reading a pattern's text from left to right ------------===//
//
// What both grammars, pattern expressions and set notation, share: white space, names, numbers,
// and one error that sticks. After an error the scanner stands at the end of the text, so that
// every loop of a parser ends by itself.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Pattern/Pattern.h"

namespace stc::pattern {

class Scanner {
public:
  /// The longest text, the largest number and the deepest nesting that are read.
  static constexpr size_t maxText = 4096;
  static constexpr int64_t maxNumber = 2147483647;
  static constexpr int maxDepth = 64;

  explicit Scanner(std::string_view text);

  /// Records the first error; later ones follow from it and are dropped.
  void fail(std::string message, size_t offset);
  /// "expected WHAT, found ..." at the next token.
  void expected(std::string_view what);
  bool failed() const { return firstError.has_value(); }
  const std::optional<ParseError> &error() const { return firstError; }

  /// The end of what was taken.
  size_t taken() const { return position; }
  /// The offset of the next token, past white space.
  size_t offset();
  bool atEnd() { return offset() == text.size(); }
  /// The text between two offsets, without white space at its end.
  std::string slice(size_t begin, size_t end) const;
  /// Takes a symbol such as "<=" or "{" if it is next.
  bool accept(std::string_view symbol);
  bool nextIs(std::string_view symbol);
  /// Takes a symbol or fails.
  void expect(std::string_view symbol);
  /// The name that is next, without taking it; empty if something else is.
  std::string_view peekName();
  /// Takes a name if it is this one.
  bool acceptName(std::string_view name);
  std::string_view takeName();
  bool atNumber();
  /// Takes digits: a number up to maxNumber, or fails.
  int64_t takeNumber();

  /// Counts nesting; a parser makes one wherever its grammar recurses.
  class Nested {
  public:
    explicit Nested(Scanner &scanner);
    ~Nested() { --scanner.depth; }

  private:
    Scanner &scanner;
  };

private:
  std::string_view text;
  size_t position = 0;
  int depth = 0;
  std::optional<ParseError> firstError;
};

} // namespace stc::pattern

//===- Scanner.cpp - reading a pattern's text from left to right ----------===//

#include "compiler/Pattern/Scanner.h"

#include "compiler/Support/OneLine.h"

using namespace stc::pattern;

static bool isSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool isDigit(char c) { return c >= '0' && c <= '9'; }
static bool startsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool isOfName(char c) { return startsName(c) || isDigit(c) || c == '\''; }

Scanner::Scanner(std::string_view text) : text(text) {
  if (text.size() > maxText)
    fail("expected a pattern of at most " + std::to_string(maxText) + " bytes, found " +
             std::to_string(text.size()),
         maxText);
}

void Scanner::fail(std::string message, size_t offset) {
  if (!firstError)
    firstError = ParseError{oneLine(std::move(message)), std::min(offset, text.size())};
  position = text.size();
}

size_t Scanner::offset() {
  while (position < text.size() && isSpace(text[position]))
    ++position;
  return position;
}

std::string Scanner::slice(size_t begin, size_t end) const {
  end = std::min(end, text.size());
  while (end > begin && isSpace(text[end - 1]))
    --end;
  return std::string(text.substr(begin, end - begin));
}

void Scanner::expected(std::string_view what) {
  size_t at = offset();
  std::string found = "the end";
  if (std::string_view name = peekName(); !name.empty())
    found = "'" + std::string(name) + "'";
  else if (at < text.size()) {
    size_t end = at;
    while (end < text.size() && isDigit(text[end]))
      ++end;
    end = std::max(end, at + 1);
    // A character beyond ASCII is several bytes: name them all.
    while (end < text.size() && (text[end] & 0xC0) == 0x80)
      ++end;
    found = "'" + std::string(text.substr(at, end - at)) + "'";
  }
  fail("expected " + std::string(what) + ", found " + found, at);
}

bool Scanner::nextIs(std::string_view symbol) { return text.substr(offset()).starts_with(symbol); }

bool Scanner::accept(std::string_view symbol) {
  if (!nextIs(symbol))
    return false;
  position += symbol.size();
  return true;
}

void Scanner::expect(std::string_view symbol) {
  if (!accept(symbol))
    expected("'" + std::string(symbol) + "'");
}

std::string_view Scanner::peekName() {
  size_t begin = offset(), end = begin;
  if (begin < text.size() && startsName(text[begin]))
    while (end < text.size() && isOfName(text[end]))
      ++end;
  return text.substr(begin, end - begin);
}

std::string_view Scanner::takeName() {
  std::string_view name = peekName();
  position += name.size();
  return name;
}

bool Scanner::acceptName(std::string_view name) {
  if (peekName() != name)
    return false;
  takeName();
  return true;
}

bool Scanner::atNumber() { return offset() < text.size() && isDigit(text[position]); }

int64_t Scanner::takeNumber() {
  size_t begin = offset();
  if (!atNumber()) {
    expected("a number");
    return 0;
  }
  int64_t number = 0;
  for (; position < text.size() && isDigit(text[position]); ++position) {
    number = number * 10 + (text[position] - '0');
    if (number > maxNumber) {
      fail("expected a number of at most " + std::to_string(maxNumber), begin);
      return 0;
    }
  }
  return number;
}

Scanner::Nested::Nested(Scanner &scanner) : scanner(scanner) {
  if (++scanner.depth > maxDepth)
    scanner.fail("expected at most " + std::to_string(maxDepth) + " levels of nesting",
                 scanner.offset());
}

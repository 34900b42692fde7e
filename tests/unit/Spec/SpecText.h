//===- SpecText.h - a small right specification for the tests to change ---===//
#pragma once

#include "compiler/Spec/Spec.h"

#include <string>

namespace stc::spec {

inline const std::string smallText = R"toml([model]
layers = 4
width = 96
heads = 3

[attention]
pattern = "fixed(64, 16)"

[data]
kind = "text"
context = 1024

[train]
batch = 2
steps = 100
learning_rate = 0.001
)toml";

/// smallText with one line replaced, or with lines added below it.
inline std::string withLine(std::string_view line, std::string_view replacement) {
  std::string text = smallText;
  text.replace(text.find(line), line.size(), replacement);
  return text;
}

/// All errors of a text, one a line; "" if there are none.
inline std::string errorsOf(std::string_view text) {
  auto spec = parseSpec(text, "t.toml");
  std::string lines;
  if (!spec)
    for (const SpecError &error : spec.error())
      lines += error.str() + "\n";
  return lines;
}

} // namespace stc::spec

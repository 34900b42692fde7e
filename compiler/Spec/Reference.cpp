//===- Reference.cpp - the table of keys, for people and for the runtime --===//
#include "compiler/Spec/Keys.h"

#include <fmt/format.h>

namespace stc::spec {
namespace {

std::string defaultOf(const Key &key, Spec &fresh) {
  if (!key.defaultText.empty())
    return std::string(key.defaultText);
  if (key.need == Key::Required)
    return key.onlyWith
               ? fmt::format("required with `{} = \"{}\"`", key.onlyWith->name, key.onlyWith->word)
               : "required";
  return fmt::format("`{}`", print(key.value, fresh));
}

} // namespace

std::vector<std::pair<std::string, std::string>> settings(const Spec &spec) {
  Spec copy = spec;
  std::vector<std::pair<std::string, std::string>> all;
  for (const Key &key : keys())
    if (applies(key, copy))
      all.emplace_back(key.dotted(), print(key.value, copy, /*quotes=*/false));
  return all;
}

std::string keyReference() {
  std::string page = R"(# The keys of a specification

This page is written from the table in `compiler/Spec/Keys.cpp`; a test compares them.

A specification is a [TOML](https://toml.io) file; `models/` has examples. "Paper" is where
arXiv 1904.10509 speaks of the key.
)";
  Spec fresh;
  for (const Section &section : sections()) {
    page += section.name.empty() ? "\n## Top\n" : fmt::format("\n## [{}]\n", section.name);
    page += fmt::format("\n{}\n\n| key | value | default | meaning | paper |\n"
                        "| --- | --- | --- | --- | --- |\n",
                        section.meaning);
    for (const Key &key : keys())
      if (key.section == section.name)
        page += fmt::format("| `{}` | {} | {} | {} | {} |\n", key.name, expectation(key.value),
                            defaultOf(key, fresh), key.meaning, key.paper);
  }
  return page;
}

} // namespace stc::spec

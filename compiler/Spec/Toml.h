//===- Toml.h - toml++ for files that may be wrong ------------------------===//
//
// toml++ 3.3 takes for granted what a bad file breaks: it asserts that a table's name starts with a
// letter ("[=]"), and calls a letter such as U+00E9 outside of strings unreachable. In both cases
// the code that follows reports the error well. So its assertions are left out here (with NDEBUG
// they would become assumptions of the optimizer), and the unreachable places of its character
// classes answer no. Include toml++ through this header alone.
//
//===----------------------------------------------------------------------===//
#pragma once

#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#define TOML_EXCEPTIONS 0
#include <toml++/impl/forward_declarations.h>

#pragma push_macro("TOML_UNREACHABLE")
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.h>
#pragma pop_macro("TOML_UNREACHABLE")

#include <toml++/toml.h>

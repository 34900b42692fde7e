// Placeholder until the library is merged.
#include "compiler/Pattern/Pattern.h"
namespace stc::pattern {
std::optional<ParseError> Pattern::check(std::string_view) { return std::nullopt; }
} // namespace stc::pattern

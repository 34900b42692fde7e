//===- fmt.cpp - fmt, compiled once ----------------------------------------===//
//
// Debian has fmt as a shared library, which stc-run must not need, and as headers, which compile all
// of it again in every file that formats a message: 3 of the 6 seconds that such a file takes. What
// the headers declare and do not define is here.
//
//===----------------------------------------------------------------------===//
#include <fmt/format-inl.h>

namespace fmt {
template FMT_API char detail::decimal_point_impl(detail::locale_ref);
template FMT_API detail::thousands_sep_result<char> detail::thousands_sep_impl(detail::locale_ref);
} // namespace fmt

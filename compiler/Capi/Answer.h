//===- Answer.h - from what C++ returns and throws to a status of C -*- C++ -*-===//
#pragma once

#include "compiler/Capi/Stc.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace stc::capi {

struct Failure {
  StcStatus status;
  std::string message;
};
template <class T> using Result = tl::expected<T, Failure>;

inline tl::unexpected<Failure> invalid(std::string message) {
  return tl::unexpected(Failure{StcInvalid, std::move(message)});
}
inline tl::unexpected<Failure> undecided(std::string reason) {
  return tl::unexpected(Failure{StcUndecided, std::move(reason)});
}

/// A copy that the caller frees; null where there is no memory for it.
inline char *copyOut(std::string_view text) {
  char *copy = static_cast<char *>(std::malloc(text.size() + 1));
  if (copy) {
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = 0;
  }
  return copy;
}
inline void handOut(char **where, std::string_view text) {
  char *copy = copyOut(text);
  if (!copy)
    throw std::bad_alloc();
  *where = copy;
}

/// Runs the body of a function of the interface, a Result of any type, which nothing leaves but a
/// status: behind the border nobody can catch.
template <class Body> StcStatus answer(char **error, Body body) noexcept {
  auto fail = [&](StcStatus status, std::string_view message) {
    if (error)
      *error = copyOut(message);
    return status;
  };
  try {
    const auto result = body();
    return result ? StcOk : fail(result.error().status, result.error().message);
  } catch (const std::bad_alloc &) {
    return fail(StcFailed, "not enough memory");
  } catch (const std::exception &thrown) {
    return fail(StcFailed, thrown.what());
  }
}

} // namespace stc::capi

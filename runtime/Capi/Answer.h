//===- Answer.h - from what C++ returns and throws to a status of C -----------------------===//
#pragma once

#include "runtime/Capi/Status.h"
#include "runtime/Support/Error.h"

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
inline Failure failureOf(const runtime::Error &error) {
  switch (error.kind) {
  case runtime::ErrorKind::Io:
    return {StcFile, error.message};
  case runtime::ErrorKind::Machine:
    return {StcMachine, error.message};
  default:
    return {StcInvalid, error.message};
  }
}

/// A copy that ends in a zero byte, for stcFree; null where there is no memory for it.
char *copyOut(std::string_view bytes);

inline void handOut(char **where, std::string_view bytes) {
  char *copy = copyOut(bytes);
  if (!copy)
    throw std::bad_alloc();
  *where = copy;
}

/// Runs the body of a function of an interface, which returns a Result. Nothing leaves it but a
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
    return fail(StcMachine, "not enough memory");
  } catch (const std::exception &thrown) {
    return fail(StcMachine, thrown.what());
  }
}

} // namespace stc::capi

//===- Error.h - errors as values -------------------------------------------===//
//
// Every function of the runtime that can fail returns a Result. A message is one line in lower case
// with no final period: "<file>: expected ..., found ...".
//
//===----------------------------------------------------------------------===//
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace stc::runtime {

/// Whose fault it is; stc-run turns it into its exit code.
enum class ErrorKind {
  Input,     ///< a file or an argument that does not fit
  Machine,   ///< a CPU feature or memory that this machine does not have
  NonFinite, ///< the loss is not a number any more
  Io,        ///< the system refused to read or write
  Peer,      ///< another process of the run failed
};

/// stc-run's exit code where such an error ends it.
constexpr int exitCode(ErrorKind kind) {
  switch (kind) {
  case ErrorKind::Input:
    return 1;
  case ErrorKind::Machine:
    return 3;
  case ErrorKind::NonFinite:
    return 4;
  case ErrorKind::Io:
    return 5;
  case ErrorKind::Peer:
    return 6;
  }
  return 1;
}

struct Error {
  std::string message;
  ErrorKind kind = ErrorKind::Input;
  bool isKnown = false; ///< to all processes of the run, of which the first says it
};

template <class T> using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message, ErrorKind kind = ErrorKind::Input) {
  return tl::unexpected(Error{std::move(message), kind});
}

/// Hands an error on from a function of another Result type.
template <class T> tl::unexpected<Error> forward(Result<T> &result) {
  return tl::unexpected(std::move(result.error()));
}

} // namespace stc::runtime

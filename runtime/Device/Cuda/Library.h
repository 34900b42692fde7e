//===- Library.h - NVIDIA's libraries, opened at run time ---------------------------===//
//
// Their functions are found by their names, and what is used of their interfaces is declared here:
// a build needs no CUDA, and a program that calls none of them starts without them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <string>
#include <vector>

namespace stc::runtime::cuda {

/// A library with its functions as members. A status that is not success is an error (Machine) with
/// the function's name and the library's own words.
class Library {
  void *handle = nullptr;
  struct Symbol {
    const char *name;
    void **address;
  };
  std::vector<Symbol> symbols;

public:
  Library(const Library &) = delete;
  virtual ~Library();

  template <class... Args> class Function {
  public:
    Function(Library &library, const char *name) : library(library), name(name) {
      library.symbols.push_back({name, &address});
    }
    Result<void> operator()(Args... args) const {
      return library.check(name, reinterpret_cast<int (*)(Args...)>(address)(args...));
    }

  private:
    const Library &library;
    const char *name;
    void *address = nullptr;
  };

protected:
  Library() = default;
  /// The first of the paths that can be opened. Errors (Machine): none can be, or the one lacks a
  /// function; `what` it is ("the CUDA driver") and what is `expected` of it are for the message.
  Result<void> open(const std::vector<std::string> &paths, const std::string &what,
                    const std::string &expected);
  /// Finds a function that gives no status.
  void alsoFind(const char *name, void **address) { symbols.push_back({name, address}); }

private:
  Result<void> check(const char *name, int status) const;
  /// What the library says of a status; null for one that it does not know.
  virtual const char *words(int status) const = 0;
};

} // namespace stc::runtime::cuda

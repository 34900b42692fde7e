//===- PatternTable.h - the pairs of patterns, each found once --*- C++ -*-===//
#pragma once

#include <mlir/IR/Operation.h>

#include <map>
#include <string>
#include <vector>

namespace stc::reference {

/// The keys of each query, in order.
using KeysOfQueries = std::vector<std::vector<int64_t>>;

class PatternTable {
public:
  /// All pairs of a pattern over n positions. Where its text is wrong for this n, an error at
  /// `user`.
  mlir::FailureOr<const KeysOfQueries *> find(mlir::Operation *user, llvm::StringRef text,
                                              int64_t n);

private:
  std::map<std::pair<std::string, int64_t>, KeysOfQueries> found;
};

} // namespace stc::reference

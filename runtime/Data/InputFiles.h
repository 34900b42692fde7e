//===- InputFiles.h - the files that prepare reads --------------------------------------------===//
#pragma once

#include "runtime/Data/Permutation.h"
#include "runtime/Data/Prepare.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

/// A file among the inputs.
struct InputFile {
  std::string path;
  bool named; ///< by the user, not found in a folder
  bool test;  ///< for the test part
};

/// The files of the inputs, those of the test part first, then by the order in which they were
/// given and by name. Links are followed. Each file is there once, by whatever paths it is reached;
/// what is for the test part is for nothing else. Warns of what was given twice. What is neither
/// file nor folder is counted as foreign. Errors: a path that does not exist or cannot be read,
/// `options.out` inside of an input.
Result<std::vector<InputFile>> listInputs(const PrepareOptions &options, Prepared &result);

/// Counts a file that is of another kind.
void passOver(std::span<const std::byte> file, Prepared &result);

/// The files of the test set first; the others shuffled by a seed, if there is one.
template <class File>
std::vector<File> inOrder(const std::vector<File> &files, std::optional<uint64_t> seed) {
  std::vector<File> ordered, rest;
  for (const File &file : files)
    (file.test ? ordered : rest).push_back(file);
  Permutation place(std::max<size_t>(rest.size(), 1), seed.value_or(0), 0);
  for (size_t i = 0; i < rest.size(); ++i)
    ordered.push_back(rest[seed ? place(i) : i]);
  return ordered;
}

/// Leaves of files with equal contents the first, and warns. Reads those of equal sizes.
Result<void> dropCopies(std::vector<InputFile> &files, const PrepareOptions &options);

/// An error where `options.out` holds anything, but the parts of an earlier prepare that are to be
/// replaced.
Result<void> checkOut(const PrepareOptions &options);

} // namespace stc::runtime

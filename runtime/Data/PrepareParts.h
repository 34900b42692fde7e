//===- PrepareParts.h - what all kinds of data are prepared with
//--------------------------------===//
#pragma once

#include "runtime/Data/NpyFile.h"
#include "runtime/Data/Permutation.h"
#include "runtime/Data/Split.h"
#include "runtime/Support/Error.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stc::runtime {

/// A file among the inputs.
struct InputFile {
  std::string path;
  bool named; ///< by the user, not found in a folder
  bool test;  ///< for the test part
};

/// The files of inputs and testInputs. Error: a path that does not exist or cannot be read.
Result<std::vector<InputFile>> listInputs(const std::vector<std::string> &inputs,
                                          const std::vector<std::string> &testInputs);

/// Train, valid and test of the program's data.split. With a test set of its own, what is left is
/// divided by the first two of them, and the third is 0.
Result<std::array<double, partCount>> dealFractions(const Settings &settings, bool hasTest);

/// Says to which part each of `count` things goes, shuffled by a seed or in their order.
class Dealer {
public:
  Dealer(Split split, std::optional<uint64_t> seed)
      : split(split), order(std::max<int64_t>(split.size(Part::All), 1), seed.value_or(0), 0),
        shuffled(seed.has_value()) {}

  Part operator()(int64_t index) const {
    int64_t rank = shuffled ? static_cast<int64_t>(order(index)) : index;
    return rank < split.end(Part::Train)   ? Part::Train
           : rank < split.end(Part::Valid) ? Part::Valid
           : rank < split.end(Part::Test)  ? Part::Test
                                           : Part::All;
  }

private:
  Split split;
  Permutation order;
  bool shuffled;
};

/// The three files that are being written.
class PartFiles {
public:
  /// Makes the folder if need be.
  static Result<PartFiles> create(const std::string &folder, const std::vector<int64_t> &record);

  NpyWriter &operator[](Part part) { return files[int(part)]; }
  std::array<int64_t, partCount> sizes() const;
  Result<void> commit();

private:
  PartFiles() = default;
  std::vector<NpyWriter> files;
};

} // namespace stc::runtime

//===- PrepareParts.h - the three files that prepare writes
//-------------------------------------===//
#pragma once

#include "runtime/Data/NpyFile.h"
#include "runtime/Data/Prepare.h"
#include "runtime/Data/Split.h"
#include "runtime/Support/Error.h"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

/// Train, valid and test of the program's data.split. With a test set of its own, what is left is
/// divided by the first two of them, and the third is 0.
Result<std::array<double, partCount>> dealFractions(const Settings &settings, bool hasTest);

/// The three files that are being written, piece by piece: a piece is what one file gives, or one
/// picture of many. What is of no test set is divided when all of it is there, for nobody knows
/// before how long a sound is or which pictures are broken.
class PartFiles {
public:
  /// Makes the folder if need be.
  static Result<PartFiles> create(const std::string &folder, const std::vector<int64_t> &record);
  PartFiles(PartFiles &&) noexcept;
  ~PartFiles();

  /// Begins a piece of the test set, or of what will be divided.
  void begin(bool test);
  /// The next bytes of the piece: of records, whole ones.
  Result<void> write(std::span<const uint8_t> bytes);
  /// Ends the piece. False where it is equal to one before, and was taken back, unless copies are
  /// to be kept.
  Result<bool> end(bool keepCopies);
  /// Ends the piece, and takes back what was written of it.
  Result<void> takeBack();

  /// Divides what is of no test set: by bytes, where pieces may be cut, or by their number, where
  /// there are enough of them for all parts. Returns how many records were left out of a part
  /// because a part behind it has equal ones.
  Result<int64_t> divide(const std::array<double, partCount> &fractions, bool wholePieces);

  std::array<int64_t, partCount> sizes() const;
  Result<void> commit();

private:
  struct Seen;
  PartFiles();
  NpyWriter &target() { return files[int(test ? Part::Test : Part::Train)]; }
  Split splitBy(const std::array<double, partCount> &fractions, bool wholePieces) const;
  std::vector<bool> equalToLater(const Split &split) const;
  template <class Write>
  Result<void> copy(int64_t first, int64_t end, const std::vector<bool> &without, Write write);

  std::vector<NpyWriter> files;
  int64_t recordBytes = 1;
  std::vector<int64_t> edges; // of the pieces, in records
  std::unique_ptr<Seen> seen;
  bool test = false;      // of the piece
  int64_t pieceStart = 0; // in its file
};

/// Commits parts that are divided, and puts their sizes into `result`. A part that is shorter than
/// a window, the bytes of one sequence, is an error for training and a warning for the others,
/// where they were asked for.
Result<void> finish(PartFiles &parts, const std::array<double, partCount> &fractions,
                    int64_t window, const PrepareOptions &options, Prepared &result);

} // namespace stc::runtime

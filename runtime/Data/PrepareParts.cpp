//===- PrepareParts.cpp - the three files that prepare writes
//-----------------------------------===//
#include "runtime/Data/PrepareParts.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unordered_set>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace stc::runtime {

namespace fs = std::filesystem;

/// Checksums of what was written.
struct PartFiles::Seen {
  XXH3_state_t piece;
  std::unordered_set<uint64_t> pieces;
  std::vector<uint64_t> records, testRecords; // where there are records
};

Result<std::array<double, partCount>> dealFractions(const Settings &settings, bool hasTest) {
  auto fractions = splitFractions(settings);
  if (!fractions || !hasTest)
    return fractions;
  double rest = (*fractions)[0] + (*fractions)[1];
  if (rest == 0)
    return fail("expected a part for training in setting 'data.split', found none");
  return std::array{(*fractions)[0] / rest, (*fractions)[1] / rest, 0.0};
}

PartFiles::PartFiles() : seen(std::make_unique<Seen>()) {}
PartFiles::PartFiles(PartFiles &&) noexcept = default;
PartFiles::~PartFiles() = default;

Result<PartFiles> PartFiles::create(const std::string &folder, const std::vector<int64_t> &record) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return fail(fmt::format("{}: cannot create: {}", folder, error.message()), ErrorKind::Io);
  PartFiles parts;
  for (const char *name : partNames) {
    Result<NpyWriter> file = NpyWriter::create(fmt::format("{}/{}.npy", folder, name), record);
    if (!file)
      return forward(file);
    parts.files.push_back(std::move(*file));
  }
  for (int64_t size : record)
    parts.recordBytes *= size;
  return parts;
}

void PartFiles::begin(bool isTest) {
  test = isTest;
  pieceStart = target().size();
  XXH3_64bits_reset(&seen->piece);
}

Result<void> PartFiles::write(std::span<const uint8_t> bytes) {
  XXH3_64bits_update(&seen->piece, bytes.data(), bytes.size());
  if (recordBytes > 1)
    for (size_t at = 0; at < bytes.size(); at += recordBytes)
      (test ? seen->testRecords : seen->records)
          .push_back(XXH3_64bits(bytes.data() + at, recordBytes));
  return target().write(bytes);
}

Result<bool> PartFiles::end(bool keepCopies) {
  bool isNew = seen->pieces.insert(XXH3_64bits_digest(&seen->piece)).second;
  if (!isNew && !keepCopies) {
    auto taken = takeBack();
    return taken ? Result<bool>(false) : forward(taken);
  }
  if (!test)
    edges.push_back(target().size() / recordBytes);
  return true;
}

Result<void> PartFiles::takeBack() {
  if (recordBytes > 1)
    (test ? seen->testRecords : seen->records).resize(pieceStart / recordBytes);
  return target().cutTo(pieceStart);
}

// Of each record whether a part behind its own has an equal one; nothing where there are none.
std::vector<bool> PartFiles::equalToLater(const Split &split) const {
  if (recordBytes == 1)
    return {};
  std::vector<bool> equal(split.size(Part::All));
  std::unordered_set<uint64_t> later(seen->testRecords.begin(), seen->testRecords.end());
  for (Part part : {Part::Test, Part::Valid, Part::Train}) {
    for (int64_t i = split.first(part); i < split.end(part); ++i)
      equal[i] = later.contains(seen->records[i]);
    later.insert(seen->records.begin() + split.first(part),
                 seen->records.begin() + split.end(part));
  }
  return equal;
}

// Calls write(bytes) for the records from first to end, without some, in long pieces.
template <class Write>
Result<void> PartFiles::copy(int64_t first, int64_t end, const std::vector<bool> &without,
                             Write write) {
  int64_t most = std::max<int64_t>(1, (int64_t(1) << 20) / recordBytes);
  std::vector<uint8_t> bytes;
  while (first < end) {
    int64_t next = std::min(end, first + most);
    if (!without.empty()) {
      auto begin = without.begin();
      first = std::find(begin + first, begin + next, false) - begin;
      next = std::find(begin + first, begin + next, true) - begin;
    }
    bytes.resize((next - first) * recordBytes);
    if (auto read = files[0].readAt(first * recordBytes, bytes); !read)
      return read;
    if (Result<void> written = write(bytes); !written)
      return written;
    first = next;
  }
  return {};
}

Split PartFiles::splitBy(const std::array<double, partCount> &fractions, bool wholePieces) const {
  Split pieces(fractions, static_cast<int64_t>(edges.size()));
  if (wholePieces && pieces.leaveNoneEmpty()) {
    pieces.toEdges(edges);
    return pieces;
  }
  Split records(fractions, files[0].size() / recordBytes);
  records.snapTo(edges);
  records.leaveNoneEmpty();
  return records;
}

Result<int64_t> PartFiles::divide(const std::array<double, partCount> &fractions,
                                  bool wholePieces) {
  Split split = splitBy(fractions, wholePieces);
  std::vector<bool> without = equalToLater(split);
  for (Part part : {Part::Valid, Part::Test})
    if (auto copied =
            copy(split.first(part), split.end(part), without,
                 [&](std::span<const uint8_t> bytes) { return files[int(part)].write(bytes); });
        !copied)
      return forward(copied);
  // The records for training move to the front, over those that are left out.
  int64_t end = split.end(Part::Train), dropped = end;
  if (!without.empty())
    dropped = std::find(without.begin(), without.begin() + end, true) - without.begin();
  int64_t kept = dropped * recordBytes;
  auto moved = copy(dropped, end, without, [&](std::span<const uint8_t> bytes) {
    auto written = files[0].writeAt(kept, bytes);
    kept += static_cast<int64_t>(bytes.size());
    return written;
  });
  if (!moved)
    return forward(moved);
  if (auto cut = files[0].cutTo(kept); !cut)
    return forward(cut);
  return std::ranges::count(without, true);
}

std::array<int64_t, partCount> PartFiles::sizes() const {
  std::array<int64_t, partCount> all;
  for (int part = 0; part < partCount; ++part)
    all[part] = files[part].size();
  return all;
}

Result<void> PartFiles::commit() {
  for (NpyWriter &file : files)
    if (auto committed = file.commit(); !committed)
      return committed;
  return {};
}

Result<void> finish(PartFiles &parts, const std::array<double, partCount> &fractions,
                    int64_t window, const PrepareOptions &options, Prepared &result) {
  result.bytes = parts.sizes();
  if (result.bytes[0] < window)
    return fail(fmt::format("{}: expected at least {} bytes (one window) to train on, found {}",
                            fmt::join(options.inputs, ", "), window, result.bytes[0]));
  for (Part part : {Part::Valid, Part::Test}) {
    bool wanted = fractions[int(part)] > 0 || (part == Part::Test && !options.testInputs.empty());
    if (int64_t bytes = result.bytes[int(part)]; wanted && bytes < window)
      options.warn(
          fmt::format("{}/{}.npy: {} bytes are less than one window of {}, so that nothing "
                      "can be evaluated with it: give more data, or this part a larger "
                      "share by 'split' in [data]",
                      options.out, partNames[int(part)], bytes, window));
  }
  return parts.commit();
}

} // namespace stc::runtime

//===- ByteStream.cpp - files as the bytes that a model learns -----------------------------===//
#include "runtime/Data/ByteStream.h"
#include "runtime/Data/MuLaw.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime {

static constexpr size_t pieceBytes = size_t(1) << 16;

Result<std::span<const uint8_t>> TextStream::next() {
  auto piece = rest.first(std::min(pieceBytes, rest.size()));
  rest = rest.subspan(piece.size());
  return std::span(reinterpret_cast<const uint8_t *>(piece.data()), piece.size());
}

AudioStream::AudioStream(std::unique_ptr<AudioReader> reader, int64_t rate)
    : reader(std::move(reader)), resampler(this->reader->rate(), rate), samples(pieceBytes) {}

// A little input may give no output yet.
Result<std::span<const uint8_t>> AudioStream::next() {
  resampled.clear();
  while (resampled.empty() && !ended) {
    Result<size_t> count = reader->read(samples);
    if (!count)
      return forward(count);
    ended = *count == 0;
    if (ended)
      resampler.finish(resampled);
    else
      resampler.push(std::span(samples).first(*count), resampled);
  }
  bytes.resize(resampled.size());
  std::ranges::transform(resampled, bytes.begin(), encodeMuLaw);
  return std::span<const uint8_t>(bytes);
}

Result<std::vector<uint8_t>> readSound(const std::string &path, int64_t rate,
                                       const std::function<void(const std::string &)> &warn) {
  auto named = [&](const Error &error) {
    return fail(fmt::format("{}: {}", path, error.message), error.kind);
  };
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return forward(file);
  auto reader = AudioReader::open(file->bytes());
  if (!reader)
    return named(reader.error());
  AudioStream stream(std::move(*reader), rate);
  std::vector<uint8_t> all;
  while (true) {
    auto piece = stream.next();
    if (!piece)
      return named(piece.error());
    if (piece->empty())
      break;
    all.insert(all.end(), piece->begin(), piece->end());
  }
  if (std::string odd = stream.warning(); !odd.empty())
    warn(fmt::format("{}: {}", path, odd));
  return all;
}

} // namespace stc::runtime

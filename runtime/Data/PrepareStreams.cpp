//===- PrepareStreams.cpp - text and sound become one row of bytes
//-------------------------------===//
#include "runtime/Data/Audio.h"
#include "runtime/Data/MuLaw.h"
#include "runtime/Data/Prepare.h"
#include "runtime/Data/PrepareParts.h"
#include "runtime/Data/Resampler.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Interrupt.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>

namespace stc::runtime {

namespace {

/// A file as bytes to learn, from its start on.
class ByteStream {
public:
  virtual ~ByteStream() = default;
  /// The next bytes, valid until the next call; none at the end.
  virtual Result<std::span<const uint8_t>> next() = 0;
  /// At the end: what is odd about the file; empty if nothing is.
  virtual std::string warning() const { return {}; }
};

constexpr size_t pieceBytes = size_t(1) << 16;

class TextStream : public ByteStream {
public:
  explicit TextStream(std::span<const std::byte> file) : rest(file) {}

  Result<std::span<const uint8_t>> next() override {
    auto piece = rest.first(std::min(pieceBytes, rest.size()));
    rest = rest.subspan(piece.size());
    return std::span(reinterpret_cast<const uint8_t *>(piece.data()), piece.size());
  }

private:
  std::span<const std::byte> rest;
};

class AudioStream : public ByteStream {
public:
  AudioStream(std::unique_ptr<AudioReader> reader, int64_t rate)
      : reader(std::move(reader)), resampler(this->reader->rate(), rate), samples(pieceBytes) {}

  // A little input may give no output yet.
  Result<std::span<const uint8_t>> next() override {
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

  std::string warning() const override { return reader->warning(); }

private:
  std::unique_ptr<AudioReader> reader;
  Resampler resampler;
  std::vector<float> samples, resampled;
  std::vector<uint8_t> bytes;
  bool ended = false;
};

class StreamPreparation {
public:
  StreamPreparation(const PrepareOptions &options, bool audio, int64_t rate)
      : options(options), audio(audio), rate(rate) {}

  Result<Prepared> run(const Settings &settings);

private:
  Result<void> findFiles();
  Result<void> takeAll(const std::array<double, partCount> &fractions, PartFiles &parts);
  Result<void> takeWhole(const InputFile &file, Part part, PartFiles &parts);
  Result<void> takeCut(const InputFile &file, const std::array<double, partCount> &fractions,
                       PartFiles &parts);
  template <class Consume> Result<void> read(const std::string &path, Consume consume);
  void took(const std::string &path);
  Result<void> leaveOut(const std::string &path, const Error &error);

  const PrepareOptions &options;
  bool audio;
  int64_t rate;
  std::vector<InputFile> files;
  Prepared result;
  std::string odd; // what is odd about the file that was read last
};

} // namespace

// A file that the user named must hold a sound. Others of its folder may be something else.
Result<void> StreamPreparation::findFiles() {
  auto inputs = listInputs(options.inputs, options.testInputs);
  if (!inputs)
    return forward(inputs);
  for (InputFile &input : *inputs) {
    auto file = MappedFile::open(input.path);
    if (!file)
      return forward(file);
    if (!audio || isAudio(file->bytes()))
      files.push_back(std::move(input));
    else if (input.named)
      return fail(
          fmt::format("{}: {}", input.path, AudioReader::open(file->bytes()).error().message));
    else
      ++result.foreign;
  }
  return {};
}

// Calls consume(bytes) for piece after piece of a file; it returns whether that could be written.
template <class Consume>
Result<void> StreamPreparation::read(const std::string &path, Consume consume) {
  auto file = MappedFile::open(path);
  if (!file)
    return fail(file.error().message, ErrorKind::Io); // it was there when it was listed
  std::unique_ptr<ByteStream> stream;
  if (audio) {
    auto reader = AudioReader::open(file->bytes());
    if (!reader)
      return forward(reader);
    stream = std::make_unique<AudioStream>(std::move(*reader), rate);
  } else {
    stream = std::make_unique<TextStream>(file->bytes());
  }
  bool empty = true;
  while (!pendingInterrupt()) {
    auto piece = stream->next();
    if (auto checked = file->check(); !checked)
      return checked;
    if (!piece)
      return forward(piece);
    if (piece->empty())
      break;
    empty = false;
    if (Result<void> consumed = consume(*piece); !consumed)
      return consumed;
  }
  odd = stream->warning();
  return empty && !pendingInterrupt() ? fail("it is empty") : Result<void>();
}

void StreamPreparation::took(const std::string &path) {
  ++result.taken;
  if (!odd.empty())
    options.warn(fmt::format("{}: {}", path, odd));
}

// A broken file is a warning, a full disk is not.
Result<void> StreamPreparation::leaveOut(const std::string &path, const Error &error) {
  if (error.kind != ErrorKind::Input)
    return tl::unexpected(error);
  options.warn(fmt::format("{}: {}; left out", path, error.message));
  ++result.leftOut;
  return {};
}

Result<void> StreamPreparation::takeWhole(const InputFile &file, Part part, PartFiles &parts) {
  if (part == Part::All)
    return {};
  int64_t before = parts[part].size();
  auto taken =
      read(file.path, [&](std::span<const uint8_t> piece) { return parts[part].write(piece); });
  if (taken) {
    took(file.path);
    return {};
  }
  if (auto left = leaveOut(file.path, taken.error()); !left)
    return left;
  return parts[part].cutTo(before);
}

// Reads twice: what a file says of its length need not be true.
Result<void> StreamPreparation::takeCut(const InputFile &file,
                                        const std::array<double, partCount> &fractions,
                                        PartFiles &parts) {
  int64_t total = 0;
  auto counted = read(file.path, [&](std::span<const uint8_t> piece) {
    total += static_cast<int64_t>(piece.size());
    return Result<void>();
  });
  if (!counted)
    return leaveOut(file.path, counted.error());
  Split split(fractions, total);
  int64_t at = 0;
  auto taken = read(file.path, [&](std::span<const uint8_t> piece) -> Result<void> {
    for (Part part : {Part::Train, Part::Valid, Part::Test}) {
      int64_t first = std::max(split.first(part), at),
              end = std::min(split.end(part), at + static_cast<int64_t>(piece.size()));
      if (first < end)
        if (auto written = parts[part].write(piece.subspan(first - at, end - first)); !written)
          return written;
    }
    at += static_cast<int64_t>(piece.size());
    return {};
  });
  if (taken)
    took(file.path);
  return taken;
}

Result<void> StreamPreparation::takeAll(const std::array<double, partCount> &fractions,
                                        PartFiles &parts) {
  Split split(fractions, std::ranges::count(files, false, &InputFile::test));
  bool whole = split.leaveNoneEmpty();
  Dealer dealer(split, options.seed);
  int64_t dealt = 0, done = 0;
  for (const InputFile &file : files) {
    auto taken = file.test ? takeWhole(file, Part::Test, parts)
                 : whole   ? takeWhole(file, dealer(dealt++), parts)
                           : takeCut(file, fractions, parts);
    if (!taken)
      return taken;
    options.progress(++done, static_cast<int64_t>(files.size()));
  }
  return {};
}

Result<Prepared> StreamPreparation::run(const Settings &settings) {
  if (auto found = findFiles(); !found)
    return forward(found);
  auto nothing = [&](const char *found) {
    return fail(fmt::format("{}: expected {} to train on, found {}",
                            fmt::join(options.inputs, ", "),
                            audio ? "WAV, FLAC or Ogg Vorbis files" : "files of text", found));
  };
  if (files.empty())
    return nothing("none");
  auto fractions = dealFractions(settings, std::ranges::count(files, true, &InputFile::test) > 0);
  if (!fractions)
    return forward(fractions);
  Result<PartFiles> parts = PartFiles::create(options.out, {});
  if (!parts)
    return forward(parts);
  if (auto taken = takeAll(*fractions, *parts); !taken)
    return forward(taken);
  result.bytes = parts->sizes();
  result.interrupted = pendingInterrupt() != 0;
  if (result.interrupted)
    return result;
  if (result.bytes[0] == 0)
    return nothing("nothing that could be used");
  if (auto committed = parts->commit(); !committed)
    return forward(committed);
  return result;
}

Result<Prepared> prepareStreams(const Settings &settings, const PrepareOptions &options) {
  Result<std::string> kind = settings.text("data.kind");
  if (!kind)
    return forward(kind);
  bool audio = *kind == "audio";
  Result<int64_t> rate = audio ? settings.integer("data.rate") : Result<int64_t>(1);
  if (!rate)
    return forward(rate);
  if (*rate < 1 || *rate > maxSampleRate)
    return fail(
        fmt::format("expected setting 'data.rate' of 1 to {}, found {}", maxSampleRate, *rate));
  return StreamPreparation(options, audio, *rate).run(settings);
}

Result<Prepared> prepare(const Settings &settings, const PrepareOptions &options) {
  Result<std::string> kind = settings.text("data.kind");
  if (!kind)
    return forward(kind);
  if (*kind == "image")
    return prepareImages(settings, options);
  if (*kind == "audio" || *kind == "text")
    return prepareStreams(settings, options);
  return fail(
      fmt::format("expected text, image or audio as setting 'data.kind', found '{}'", *kind));
}

} // namespace stc::runtime

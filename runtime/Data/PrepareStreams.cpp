//===- PrepareStreams.cpp - text and sound become one row of bytes
//-------------------------------===//
#include "runtime/Data/Audio.h"
#include "runtime/Data/ByteStream.h"
#include "runtime/Data/InputFiles.h"
#include "runtime/Data/Prepare.h"
#include "runtime/Data/PrepareParts.h"
#include "runtime/Support/File.h"
#include "runtime/Support/FileKind.h"
#include "runtime/Support/Interrupt.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>

namespace stc::runtime {

namespace {

class StreamPreparation {
public:
  StreamPreparation(const PrepareOptions &options, bool audio, int64_t rate)
      : options(options), audio(audio), rate(rate) {}

  Result<Prepared> run(const Settings &settings);

private:
  Result<void> findFiles();
  bool fits(std::span<const std::byte> file) const;
  Result<void> checkNamed(const std::string &path, std::span<const std::byte> file) const;
  Result<void> takeAll(PartFiles &parts);
  Result<void> take(const InputFile &file, PartFiles &parts);
  Result<void> read(const std::string &path, PartFiles &parts);

  const PrepareOptions &options;
  bool audio;
  int64_t rate;
  std::vector<InputFile> files;
  Prepared result;
  int64_t copies = 0;
};

} // namespace

bool StreamPreparation::fits(std::span<const std::byte> file) const {
  return audio ? isAudio(file) : options.raw || !fileKind(file);
}

// A file that the user named must be of the kind that is wanted.
Result<void> StreamPreparation::checkNamed(const std::string &path,
                                           std::span<const std::byte> file) const {
  if (fits(file))
    return {};
  if (audio)
    return fail(fmt::format("{}: {}", path, AudioReader::open(file).error().message));
  const FileKind *kind = fileKind(file);
  return fail(fmt::format("{}: expected a file of text, found {}: {}", path, kind->name,
                          adviceForBytes(*kind)));
}

Result<void> StreamPreparation::findFiles() {
  auto inputs = listInputs(options, result);
  if (!inputs)
    return forward(inputs);
  for (InputFile &input : *inputs) {
    auto file = MappedFile::open(input.path);
    if (!file)
      return forward(file);
    if (input.named)
      if (auto checked = checkNamed(input.path, file->bytes()); !checked)
        return checked;
    if (fits(file->bytes()))
      files.push_back(std::move(input));
    else
      passOver(file->bytes(), result);
  }
  if (auto dropped = dropCopies(files, options); !dropped)
    return dropped;
  files = inOrder(files, options.seed);
  return {};
}

// Writes a file's bytes. A broken one is an error of the kind Input, a full disk is not.
Result<void> StreamPreparation::read(const std::string &path, PartFiles &parts) {
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
    if (auto written = parts.write(*piece); !written)
      return written;
  }
  if (empty && !pendingInterrupt())
    return fail("it is empty");
  if (std::string odd = stream->warning(); !odd.empty())
    options.warn(fmt::format("{}: {}", path, odd));
  return {};
}

Result<void> StreamPreparation::take(const InputFile &file, PartFiles &parts) {
  parts.begin(file.test);
  if (auto taken = read(file.path, parts); !taken) {
    if (taken.error().kind != ErrorKind::Input)
      return taken;
    options.warn(fmt::format("{}: {}; left out", file.path, taken.error().message));
    ++result.leftOut;
    return parts.takeBack();
  }
  Result<bool> isNew = parts.end(false);
  if (!isNew)
    return forward(isNew);
  ++(*isNew ? result.taken : copies);
  return {};
}

Result<void> StreamPreparation::takeAll(PartFiles &parts) {
  int64_t done = 0;
  for (const InputFile &file : files) {
    if (pendingInterrupt())
      return {};
    if (auto taken = take(file, parts); !taken)
      return taken;
    options.progress(++done, static_cast<int64_t>(files.size()));
  }
  if (copies > 0)
    options.warn(fmt::format("{} of {} files hold what another one holds: each is taken once",
                             copies, files.size()));
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
  auto fractions = dealFractions(settings, files.front().test);
  if (!fractions)
    return forward(fractions);
  Result<int64_t> window = settings.integer("data.context", 1);
  if (!window)
    return forward(window);
  Result<PartFiles> parts = PartFiles::create(options.out, {});
  if (!parts)
    return forward(parts);
  if (auto taken = takeAll(*parts); !taken)
    return forward(taken);
  result.interrupted = pendingInterrupt() != 0;
  if (result.interrupted)
    return result;
  if (parts->sizes()[0] == 0)
    return nothing("nothing that could be used");
  if (auto divided = parts->divide(*fractions, false); !divided)
    return forward(divided);
  if (auto finished = finish(*parts, *fractions, *window, options, result); !finished)
    return forward(finished);
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
  if (options.raw && *kind != "text")
    return fail(fmt::format("expected a program of text for --raw, found one of {}", *kind));
  if (*kind == "image" || *kind == "audio" || *kind == "text")
    if (auto checked = checkOut(options); !checked)
      return forward(checked);
  if (*kind == "image")
    return prepareImages(settings, options);
  if (*kind == "audio" || *kind == "text")
    return prepareStreams(settings, options);
  return fail(
      fmt::format("expected text, image or audio as setting 'data.kind', found '{}'", *kind));
}

} // namespace stc::runtime

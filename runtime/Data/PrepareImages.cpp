//===- PrepareImages.cpp - pictures become records
//----------------------------------------------===//
#include "runtime/Data/PictureSource.h"
#include "runtime/Data/Prepare.h"
#include "runtime/Data/PrepareParts.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Interrupt.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stc::runtime {

namespace {

/// A file of pictures and how many it has.
struct PictureFile {
  std::string path;
  PictureFormat format;
  int64_t count;
  bool test;
};

// Only the names of CIFAR-10 and ImageNet say which of their files is the test set. Of ImageNet the
// test set has no labels and is not used; its validation set is what models are tested on.
bool isTestByName(const std::string &path, PictureFormat format) {
  std::string name = std::filesystem::path(path).filename().string();
  return (format == PictureFormat::Cifar && name.starts_with("test_batch")) ||
         (format == PictureFormat::Npz && name.starts_with("val"));
}

class ImagePreparation {
public:
  ImagePreparation(const PrepareOptions &options, const PictureShape &shape)
      : options(options), shape(shape) {}

  Result<Prepared> run(const Settings &settings);

private:
  Result<void> findFiles();
  Result<Dealer> deal(const Settings &settings) const;
  Result<void> take(const PictureFile &file, const Dealer &dealer, PartFiles &parts);

  const PrepareOptions &options;
  PictureShape shape;
  std::vector<PictureFile> files;
  Prepared result;
  int64_t pictures = 0, testPictures = 0; // in all files; the test set's among them
  int64_t done = 0, dealt = 0;
};

Result<PictureShape> shapeOf(const Settings &settings) {
  Result<std::vector<double>> sizes = settings.numbers("data.shape", {});
  if (!sizes)
    return forward(sizes);
  auto wrong = [&] {
    return fail(fmt::format("expected setting 'data.shape' of height, width and 1 or 3 channels, "
                            "found [{}]",
                            fmt::join(*sizes, ", ")));
  };
  if (sizes->size() != 3 || ((*sizes)[2] != 1 && (*sizes)[2] != 3))
    return wrong();
  for (double size : *sizes)
    if (!(size >= 1 && size <= 1 << 16))
      return wrong();
  return PictureShape{static_cast<int64_t>((*sizes)[0]), static_cast<int64_t>((*sizes)[1]),
                      static_cast<int64_t>((*sizes)[2])};
}

} // namespace

// A file that the user named must hold pictures. Others of its folder may be something else.
Result<void> ImagePreparation::findFiles() {
  auto inputs = listInputs(options.inputs, options.testInputs);
  if (!inputs)
    return forward(inputs);
  for (const InputFile &input : *inputs) {
    auto file = MappedFile::open(input.path);
    if (!file)
      return forward(file);
    PictureFormat format = pictureFormat(file->bytes());
    if (format == PictureFormat::None && !input.named) {
      ++result.foreign;
      continue;
    }
    auto source = PictureSource::open(file->bytes());
    if (!source)
      return fail(fmt::format("{}: {}", input.path, source.error().message), source.error().kind);
    bool test = input.test || isTestByName(input.path, format);
    files.push_back({input.path, format, (*source)->count(), test});
    pictures += files.back().count;
    testPictures += test ? files.back().count : 0;
  }
  return {};
}

Result<Dealer> ImagePreparation::deal(const Settings &settings) const {
  auto fractions = dealFractions(settings, testPictures > 0);
  if (!fractions)
    return forward(fractions);
  Split split(*fractions, pictures - testPictures);
  split.leaveNoneEmpty();
  bool shuffled = std::ranges::any_of(
      files, [](const PictureFile &file) { return file.format == PictureFormat::Single; });
  return Dealer(split, shuffled ? std::optional(options.seed) : std::nullopt);
}

Result<void> ImagePreparation::take(const PictureFile &file, const Dealer &dealer,
                                    PartFiles &parts) {
  bool single = file.format == PictureFormat::Single;
  auto mapped = MappedFile::open(file.path);
  if (!mapped)
    return forward(mapped);
  auto source = PictureSource::open(mapped->bytes());
  if (!source || (*source)->count() != file.count)
    return fail(fmt::format("{}: the file has changed", file.path), ErrorKind::Io);
  for (int64_t i = 0; i < file.count && !pendingInterrupt(); ++i) {
    Part part = file.test ? Part::Test : dealer(dealt++);
    Result<std::vector<uint8_t>> records = (*source)->next().and_then([&](const Picture &picture) {
      if (!picture.warning.empty())
        options.warn(fmt::format("{}: {}; taken", file.path, picture.warning));
      return fitPicture(picture, shape, options.fit);
    });
    if (records) {
      if (part != Part::All)
        if (auto written = parts[part].write(*records); !written)
          return written;
      ++result.taken;
    } else {
      std::string line = fmt::format("{}: {}", file.path, records.error().message);
      if (auto checked = mapped->check(); !checked)
        return checked;
      if (!single)
        return fail(line, records.error().kind);
      options.warn(line + "; left out");
      ++result.leftOut;
    }
    options.progress(++done, pictures);
  }
  return {};
}

Result<Prepared> ImagePreparation::run(const Settings &settings) {
  if (auto found = findFiles(); !found)
    return forward(found);
  if (pictures == testPictures)
    return fail(fmt::format("{}: expected pictures (PNG, JPEG, CIFAR-10's binary files, or npz of "
                            "ImageNet) to train on, found {}",
                            fmt::join(options.inputs, ", "),
                            testPictures > 0 ? "only a test set" : "none"));
  Result<Dealer> dealer = deal(settings);
  if (!dealer)
    return forward(dealer);
  Result<PartFiles> parts =
      PartFiles::create(options.out, {shape.height, shape.width, shape.channels});
  if (!parts)
    return forward(parts);
  for (const PictureFile &file : files)
    if (auto taken = take(file, *dealer, *parts); !taken)
      return forward(taken);
  result.bytes = parts->sizes();
  result.interrupted = pendingInterrupt() != 0;
  if (result.interrupted)
    return result;
  if (result.bytes[0] == 0)
    return fail(fmt::format("{}: expected pictures to train on, but all were left out",
                            fmt::join(options.inputs, ", ")));
  if (auto committed = parts->commit(); !committed)
    return forward(committed);
  return result;
}

Result<Prepared> prepareImages(const Settings &settings, const PrepareOptions &options) {
  Result<PictureShape> shape = shapeOf(settings);
  if (!shape)
    return forward(shape);
  return ImagePreparation(options, *shape).run(settings);
}

} // namespace stc::runtime

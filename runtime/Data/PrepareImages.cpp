//===- PrepareImages.cpp - pictures become records
//----------------------------------------------===//
#include "runtime/Data/InputFiles.h"
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
  void order();
  Result<void> takeAll(PartFiles &parts);
  Result<void> take(const PictureFile &file, PartFiles &parts);

  const PrepareOptions &options;
  PictureShape shape;
  std::vector<PictureFile> files;
  Prepared result;
  int64_t pictures = 0, testPictures = 0; // in all files; the test set's among them
  int64_t done = 0, copies = 0;
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
  auto inputs = listInputs(options, result);
  if (!inputs)
    return forward(inputs);
  std::vector<InputFile> kept;
  for (InputFile &input : *inputs) {
    auto file = MappedFile::open(input.path);
    if (!file)
      return forward(file);
    if (input.named || pictureFormat(file->bytes()) != PictureFormat::None)
      kept.push_back(std::move(input));
    else
      passOver(file->bytes(), result);
  }
  if (auto dropped = dropCopies(kept, options); !dropped)
    return dropped;
  for (const InputFile &input : kept) {
    auto file = MappedFile::open(input.path);
    if (!file)
      return forward(file);
    auto source = PictureSource::open(file->bytes());
    if (!source)
      return fail(fmt::format("{}: {}", input.path, source.error().message), source.error().kind);
    PictureFormat format = pictureFormat(file->bytes());
    bool test = input.test || isTestByName(input.path, format);
    files.push_back({input.path, format, (*source)->count(), test});
    pictures += files.back().count;
    testPictures += test ? files.back().count : 0;
  }
  return {};
}

// The test set first, so that what is equal to it is left out of the others. Pictures in files of
// their own are shuffled.
void ImagePreparation::order() {
  bool shuffled = std::ranges::any_of(
      files, [](const PictureFile &file) { return file.format == PictureFormat::Single; });
  files = inOrder(files, shuffled ? std::optional(options.seed) : std::nullopt);
}

Result<void> ImagePreparation::take(const PictureFile &file, PartFiles &parts) {
  bool single = file.format == PictureFormat::Single;
  auto mapped = MappedFile::open(file.path);
  if (!mapped)
    return forward(mapped);
  auto source = PictureSource::open(mapped->bytes());
  if (!source || (*source)->count() != file.count)
    return fail(fmt::format("{}: the file has changed", file.path), ErrorKind::Io);
  for (int64_t i = 0; i < file.count && !pendingInterrupt(); ++i) {
    Result<Picture> picture = (*source)->next();
    Result<std::vector<uint8_t>> records =
        picture.and_then([&](const Picture &read) { return fitPicture(read, shape, options.fit); });
    if (auto checked = mapped->check(); !checked)
      return checked;
    options.progress(++done, pictures);
    if (!records) {
      std::string line = fmt::format("{}: {}", file.path, records.error().message);
      if (!single)
        return fail(line, records.error().kind);
      options.warn(line + "; left out");
      ++result.leftOut;
      continue;
    }
    parts.begin(file.test);
    if (auto written = parts.write(*records); !written)
      return written;
    Result<bool> isNew = parts.end(!single);
    if (!isNew)
      return forward(isNew);
    if (!picture->warning.empty())
      options.warn(fmt::format("{}: {}; taken", file.path, picture->warning));
    ++(*isNew ? result.taken : copies);
  }
  return {};
}

Result<void> ImagePreparation::takeAll(PartFiles &parts) {
  for (const PictureFile &file : files)
    if (auto taken = take(file, parts); !taken)
      return taken;
  if (copies > 0)
    options.warn(fmt::format("{} of {} pictures are equal to another one: each is taken once",
                             copies, pictures));
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
  order();
  auto fractions = dealFractions(settings, testPictures > 0);
  if (!fractions)
    return forward(fractions);
  Result<PartFiles> parts =
      PartFiles::create(options.out, {shape.height, shape.width, shape.channels});
  if (!parts)
    return forward(parts);
  if (auto taken = takeAll(*parts); !taken)
    return forward(taken);
  result.interrupted = pendingInterrupt() != 0;
  if (result.interrupted)
    return result;
  if (result.taken == 0)
    return fail(fmt::format("{}: expected pictures to train on, but all were left out",
                            fmt::join(options.inputs, ", ")));
  Result<int64_t> equal = parts->divide(*fractions, true);
  if (!equal)
    return forward(equal);
  if (*equal > 0)
    options.warn(fmt::format("{} records are left out, because the test or validation part has "
                             "equal ones",
                             *equal));
  if (auto finished = finish(*parts, *fractions, shape.bytes(), options, result); !finished)
    return forward(finished);
  return result;
}

Result<Prepared> prepareImages(const Settings &settings, const PrepareOptions &options) {
  Result<PictureShape> shape = shapeOf(settings);
  if (!shape)
    return forward(shape);
  return ImagePreparation(options, *shape).run(settings);
}

} // namespace stc::runtime

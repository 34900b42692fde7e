//===- SampleFormat.cpp - sequences of bytes as texts, pictures and sounds ------------------===//
#include "runtime/Sample/SampleFormat.h"
#include "runtime/Media/Sound.h"
#include "runtime/Support/File.h"

#include <cmath>
#include <fmt/format.h>

namespace stc::runtime {

Result<SampleFormat> SampleFormat::of(const Settings &settings, int64_t context) {
  SampleFormat format;
  Result<std::string> name = settings.text("data.kind", "text");
  if (!name)
    return forward(name);
  if (*name == "audio") {
    Result<int64_t> rate = settings.integer("data.rate");
    if (!rate)
      return forward(rate);
    format.is = Kind::Audio;
    format.rate = *rate;
  }
  if (*name != "image")
    return format;
  format.is = Kind::Image;
  Result<std::vector<double>> shape = settings.numbers("data.shape", {});
  if (!shape)
    return forward(shape);
  if (shape->size() != 3 || (*shape)[0] * (*shape)[1] * (*shape)[2] != static_cast<double>(context))
    return fail(fmt::format("expected a height, width and channels of {} in all as setting "
                            "'data.shape'",
                            context));
  for (size_t i = 0; i < 3; ++i)
    format.shape[i] = std::llround((*shape)[i]);
  if (format.channels() != 1 && format.channels() != 3)
    return fail(fmt::format("expected images of 1 or 3 channels, found {}", format.channels()));
  return format;
}

std::string_view SampleFormat::ending() const {
  return is == Kind::Image ? ".png" : is == Kind::Audio ? ".wav" : ".txt";
}

Image SampleFormat::image(std::vector<uint8_t> bytes) const {
  return {height(), width(), channels(), std::move(bytes)};
}

std::string listedText(std::span<const uint8_t> text, int64_t index, int64_t count) {
  std::string all(text.begin(), text.end());
  return count == 1 ? all : fmt::format("--- sample {}\n{}\n", index + 1, all);
}

Result<void> SampleFormat::write(const std::string &path,
                                 std::span<const std::vector<uint8_t>> sequences) const {
  if (is == Kind::Image) {
    std::vector<Image> images;
    for (const std::vector<uint8_t> &bytes : sequences)
      images.push_back(image(bytes));
    int64_t columns = squareColumns(static_cast<int64_t>(images.size()), images[0]);
    return writePng(path, makeSheet(images, columns));
  }
  if (is == Kind::Audio)
    return sequences.size() == 1
               ? writeWav(path, sequences[0], rate)
               : fail(fmt::format("expected one sound for {}, found {}", path, sequences.size()));
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return forward(file);
  for (size_t i = 0; i < sequences.size(); ++i)
    if (auto written = file->write(std::string_view(
            listedText(sequences[i], static_cast<int64_t>(i), std::ssize(sequences))));
        !written)
      return written;
  return file->commit();
}

} // namespace stc::runtime

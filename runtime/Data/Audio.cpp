//===- Audio.cpp - sound files as samples -------------------------------------------------===//
#include "runtime/Data/Audio.h"
#include "runtime/Support/FileKind.h"

#include <cstring>
#include <fmt/format.h>
#include <string_view>

namespace stc::runtime {

namespace {

struct Format {
  std::string_view start;
  Result<std::unique_ptr<AudioReader>> (*open)(std::span<const std::byte>);
};
constexpr Format formats[] = {{"RIFF", openWav}, {"RIFX", openWav},  {"RF64", openWav},
                              {"BW64", openWav}, {"fLaC", openFlac}, {"OggS", openVorbis}};

const Format *formatOf(std::span<const std::byte> file) {
  for (const Format &format : formats)
    if (file.size() >= format.start.size() &&
        std::memcmp(file.data(), format.start.data(), format.start.size()) == 0)
      return &format;
  return nullptr;
}

} // namespace

bool isAudio(std::span<const std::byte> file) { return formatOf(withoutTags(file)) != nullptr; }

Result<std::unique_ptr<AudioReader>> AudioReader::open(std::span<const std::byte> file) {
  std::span<const std::byte> sound = withoutTags(file);
  if (const Format *format = formatOf(sound))
    return format->open(sound);
  return fail(fmt::format("expected a WAV, FLAC or Ogg Vorbis file, found {}", describeFile(file)));
}

Result<void> checkAudioFormat(int64_t rate, int64_t channels) {
  if (rate < 1 || rate > maxSampleRate)
    return fail(fmt::format("expected 1 to {} samples a second, found {}", maxSampleRate, rate));
  if (channels < 1 || channels > maxAudioChannels)
    return fail(fmt::format("expected 1 to {} channels, found {}", maxAudioChannels, channels));
  return {};
}

} // namespace stc::runtime

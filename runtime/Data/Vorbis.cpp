//===- Vorbis.cpp - reading Ogg Vorbis by libvorbisfile
//----------------------------------------===//
#include "runtime/Data/Audio.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#define OV_EXCLUDE_STATIC_CALLBACKS
#include <vorbis/vorbisfile.h>

namespace stc::runtime {

namespace {

/// The bytes of a file as libvorbisfile reads them.
struct Stream {
  std::span<const std::byte> file;
  size_t at = 0;

  static size_t read(void *out, size_t size, size_t count, void *self) {
    auto &stream = *static_cast<Stream *>(self);
    size_t bytes = std::min(size * count, stream.file.size() - stream.at);
    std::memcpy(out, stream.file.data() + stream.at, bytes);
    stream.at += bytes;
    return size == 0 ? 0 : bytes / size;
  }

  static int seek(void *self, ogg_int64_t offset, int whence) {
    auto &stream = *static_cast<Stream *>(self);
    auto size = static_cast<int64_t>(stream.file.size());
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? int64_t(stream.at) : size;
    if (offset < -base || offset > size - base)
      return -1;
    stream.at = static_cast<size_t>(base + offset);
    return 0;
  }

  static long tell(void *self) { return static_cast<long>(static_cast<Stream *>(self)->at); }
};

class VorbisReader : public AudioReader {
public:
  explicit VorbisReader(std::span<const std::byte> file) : stream{file} {}
  ~VorbisReader() override {
    if (opened)
      ov_clear(&vorbis);
  }

  Result<void> start() {
    int status = ov_open_callbacks(&stream, &vorbis, nullptr, 0,
                                   {Stream::read, Stream::seek, nullptr, Stream::tell});
    if (status == OV_ENOTVORBIS)
      return fail("expected Vorbis in the Ogg file, found something else");
    if (status != 0)
      return fail(fmt::format("broken Ogg Vorbis: error {} of its headers", status));
    opened = true;
    const vorbis_info *info = ov_info(&vorbis, -1);
    sampleRate = info->rate;
    return checkAudioFormat(info->rate, info->channels);
  }

  int64_t rate() const override { return sampleRate; }

  Result<size_t> read(std::span<float> samples) override {
    float **channels = nullptr;
    int link = 0;
    long count = ov_read_float(&vorbis, &channels,
                               static_cast<int>(std::min<size_t>(samples.size(), 4096)), &link);
    if (count < 0)
      return fail("broken Ogg Vorbis: missing or damaged pages");
    if (count == 0)
      return 0;
    // Files that were put one behind the other are one file of several links.
    const vorbis_info *info = ov_info(&vorbis, link);
    if (info->rate != sampleRate)
      return fail("expected one sample rate in the file, found several");
    for (long i = 0; i < count; ++i) {
      float sum = 0;
      for (int c = 0; c < info->channels; ++c)
        sum += channels[c][i];
      samples[i] = sum / static_cast<float>(info->channels);
      if (!std::isfinite(samples[i]))
        return fail("broken Ogg Vorbis: a sample that is not a finite number");
    }
    return static_cast<size_t>(count);
  }

private:
  Stream stream;
  OggVorbis_File vorbis = {};
  bool opened = false;
  int64_t sampleRate = 0;
};

} // namespace

Result<std::unique_ptr<AudioReader>> openVorbis(std::span<const std::byte> file) {
  auto reader = std::make_unique<VorbisReader>(file);
  if (auto started = reader->start(); !started)
    return forward(started);
  return reader;
}

} // namespace stc::runtime

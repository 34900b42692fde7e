//===- Flac.cpp - reading FLAC by libFLAC -----------------------------------------------------===//
#include "runtime/Data/Audio.h"

#include <FLAC/stream_decoder.h>
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace stc::runtime {

namespace {

bool isFlac(std::span<const std::byte> file) {
  return file.size() >= 4 && std::memcmp(file.data(), "fLaC", 4) == 0;
}

/// A file may be several FLAC files, one behind the other.
class FlacReader : public AudioReader {
public:
  explicit FlacReader(std::span<const std::byte> file)
      : file(file), decoder(nullptr, FLAC__stream_decoder_delete) {}

  Result<void> start() {
    if (auto begun = beginStream(); !begun)
      return begun;
    // The rate is known with the first samples.
    return decode();
  }

  int64_t rate() const override { return sampleRate; }

  Result<size_t> read(std::span<float> samples) override {
    if (used == block.size())
      if (auto decoded = decode(); !decoded)
        return forward(decoded);
    size_t count = std::min(samples.size(), block.size() - used);
    std::copy_n(block.begin() + static_cast<ptrdiff_t>(used), count, samples.begin());
    used += count;
    return count;
  }

private:
  Result<void> beginStream() {
    decoder.reset(FLAC__stream_decoder_new());
    if (!decoder)
      return fail("no memory for a FLAC decoder", ErrorKind::Machine);
    at = 0;
    decoded = 0;
    FLAC__stream_decoder_set_md5_checking(decoder.get(), true);
    if (FLAC__stream_decoder_init_stream(decoder.get(), onRead, nullptr, onTell, nullptr, onEnd,
                                         onWrite, nullptr, onError,
                                         this) != FLAC__STREAM_DECODER_INIT_STATUS_OK)
      return fail("cannot start a FLAC decoder", ErrorKind::Machine);
    return {};
  }

  // Decodes until there is a block, or the end.
  Result<void> decode() {
    block.clear();
    used = 0;
    while (block.empty() && !ended) {
      bool went = FLAC__stream_decoder_process_single(decoder.get());
      auto state = FLAC__stream_decoder_get_state(decoder.get());
      uint64_t total = FLAC__stream_decoder_get_total_samples(decoder.get());
      // What the library finds behind the last sample is no error of the sound.
      bool complete = total != 0 && decoded >= total;
      if (!complete && !error.empty())
        break;
      if (complete || state == FLAC__STREAM_DECODER_END_OF_STREAM) {
        error.clear();
        if (auto finished = finishStream(total); !finished)
          return finished;
      } else if (!went) {
        error = fmt::format("broken FLAC: {}", FLAC__StreamDecoderStateString[state]);
      }
    }
    if (error.empty() && sampleRate == 0)
      error = "broken FLAC: it has no samples";
    return error.empty() ? Result<void>() : fail(error);
  }

  // Compares the MD5 of all samples, where the file has one, and looks at what follows. `total` is
  // 0 where the encoder did not know it.
  Result<void> finishStream(uint64_t total) {
    FLAC__uint64 end = file.size();
    FLAC__stream_decoder_get_decode_position(decoder.get(), &end);
    bool sumIsRight = FLAC__stream_decoder_finish(decoder.get());
    if (decoded < total)
      return fail(
          fmt::format("broken FLAC: it is cut short, {} samples of {} are there", decoded, total));
    if (!sumIsRight && total == 0)
      return fail("broken FLAC: wrong checksum, or it is cut short");
    if (!sumIsRight)
      odd = "the checksum of its samples is wrong, though they are all there";
    file = withoutTags(file.subspan(std::min<uint64_t>(end, file.size())));
    if (isFlac(file))
      return beginStream();
    if (!std::ranges::all_of(file, [](std::byte byte) { return byte == std::byte(0); }))
      odd =
          fmt::format("{} bytes behind its last sample are no FLAC and are left out", file.size());
    ended = true;
    return {};
  }

  static FLAC__StreamDecoderReadStatus onRead(const FLAC__StreamDecoder *, FLAC__byte *buffer,
                                              size_t *bytes, void *self) {
    auto &reader = *static_cast<FlacReader *>(self);
    *bytes = std::min(*bytes, reader.file.size() - reader.at);
    std::memcpy(buffer, reader.file.data() + reader.at, *bytes);
    reader.at += *bytes;
    return *bytes > 0 ? FLAC__STREAM_DECODER_READ_STATUS_CONTINUE
                      : FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
  }

  static FLAC__StreamDecoderTellStatus onTell(const FLAC__StreamDecoder *, FLAC__uint64 *offset,
                                              void *self) {
    *offset = static_cast<FlacReader *>(self)->at;
    return FLAC__STREAM_DECODER_TELL_STATUS_OK;
  }

  static FLAC__bool onEnd(const FLAC__StreamDecoder *, void *self) {
    auto &reader = *static_cast<FlacReader *>(self);
    return reader.at == reader.file.size();
  }

  static FLAC__StreamDecoderWriteStatus onWrite(const FLAC__StreamDecoder *,
                                                const FLAC__Frame *frame,
                                                const FLAC__int32 *const channels[], void *self) {
    auto &reader = *static_cast<FlacReader *>(self);
    const FLAC__FrameHeader &header = frame->header;
    if (auto checked = checkAudioFormat(header.sample_rate, header.channels); !checked)
      reader.error = checked.error().message;
    else if (reader.sampleRate != 0 && reader.sampleRate != header.sample_rate)
      reader.error = "expected one sample rate in the file, found several";
    if (!reader.error.empty())
      return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
    reader.sampleRate = header.sample_rate;
    reader.decoded += header.blocksize;
    float unit = 1.0f / static_cast<float>(int64_t(1) << (header.bits_per_sample - 1)) /
                 static_cast<float>(header.channels);
    for (uint32_t i = 0; i < header.blocksize; ++i) {
      float sum = 0;
      for (uint32_t c = 0; c < header.channels; ++c)
        sum += static_cast<float>(channels[c][i]);
      reader.block.push_back(sum * unit);
    }
    return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
  }

  static void onError(const FLAC__StreamDecoder *, FLAC__StreamDecoderErrorStatus status,
                      void *self) {
    static_cast<FlacReader *>(self)->error =
        fmt::format("broken FLAC: it is damaged or cut short ({})",
                    FLAC__StreamDecoderErrorStatusString[status]);
  }

  std::span<const std::byte> file; // from the stream on that is being read
  size_t at = 0;                   // in it
  uint64_t decoded = 0;            // samples of the stream
  std::unique_ptr<FLAC__StreamDecoder, void (*)(FLAC__StreamDecoder *)> decoder;
  std::vector<float> block; // decoded, of which the first `used` were read
  size_t used = 0;
  uint32_t sampleRate = 0;
  bool ended = false;
  std::string error;
};

} // namespace

Result<std::unique_ptr<AudioReader>> openFlac(std::span<const std::byte> file) {
  auto reader = std::make_unique<FlacReader>(file);
  if (auto started = reader->start(); !started)
    return forward(started);
  return reader;
}

} // namespace stc::runtime

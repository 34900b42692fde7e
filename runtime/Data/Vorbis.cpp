//===- Vorbis.cpp - reading Ogg Vorbis by libogg and libvorbis
//----------------------------------===//
//
// libvorbisfile is not used: it loses the first of several short links, and says nothing where the
// end is missing. Pages are read in their order here, and each is accounted for. Ogg is RFC 3533.
//
//===----------------------------------------------------------------------===//
#include "runtime/Data/Audio.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ogg/ogg.h>
#include <string_view>
#include <vector>
#include <vorbis/codec.h>

namespace stc::runtime {

namespace {

struct Codec {
  std::string_view start; // of a stream's first page
  const char *name;
};
constexpr std::string_view vorbisStart = {"\1vorbis", 7};
constexpr Codec codecs[] = {{vorbisStart, "Vorbis"},
                            {"OpusHead", "Opus"},
                            {"\x7f"
                             "FLAC",
                             "FLAC"},
                            {"Speex   ", "Speex"},
                            {"fishead", "a skeleton"},
                            {"\x80theora", "Theora"},
                            {"BBCD", "Dirac"},
                            {"\x80kate", "Kate"},
                            {{"CMML\0\0\0\0", 8}, "CMML"}};

const char *codecOf(const ogg_page &page) {
  std::string_view body(reinterpret_cast<const char *>(page.body), page.body_len);
  for (const Codec &codec : codecs)
    if (body.starts_with(codec.start))
      return codec.name;
  return "an unknown stream";
}

/// The pages of a file in their order.
class OggPages {
public:
  explicit OggPages(std::span<const std::byte> file) : rest(file) { ogg_sync_init(&sync); }
  ~OggPages() { ogg_sync_clear(&sync); }
  OggPages(const OggPages &) = delete;
  OggPages &operator=(const OggPages &) = delete;

  /// The next page, valid until the next call; false at the end. Errors: damaged, cut short.
  Result<bool> next(ogg_page &page) {
    for (;;) {
      long size = ogg_sync_pageseek(&sync, &page);
      if (size > 0)
        return true;
      if (size < 0)
        return fail("broken Ogg: damaged pages, or bytes that are no page");
      if (rest.empty())
        return sync.fill == sync.returned ? Result<bool>(false)
                                          : fail("broken Ogg: it is cut short within a page");
      constexpr size_t pieceBytes = 1 << 16;
      std::span<const std::byte> piece = rest.first(std::min(pieceBytes, rest.size()));
      char *buffer = ogg_sync_buffer(&sync, static_cast<long>(piece.size()));
      if (!buffer)
        return fail("no memory for a page of Ogg", ErrorKind::Machine);
      std::memcpy(buffer, piece.data(), piece.size());
      ogg_sync_wrote(&sync, static_cast<long>(piece.size()));
      rest = rest.subspan(piece.size());
    }
  }

private:
  std::span<const std::byte> rest;
  ogg_sync_state sync;
};

/// A stream of Vorbis, page by page.
class VorbisStream {
public:
  explicit VorbisStream(int serial) {
    ogg_stream_init(&stream, serial);
    vorbis_info_init(&format);
    vorbis_comment_init(&comment);
  }
  ~VorbisStream() {
    if (decodes) {
      vorbis_block_clear(&block);
      vorbis_dsp_clear(&state);
    }
    vorbis_comment_clear(&comment);
    vorbis_info_clear(&format);
    ogg_stream_clear(&stream);
  }
  VorbisStream(const VorbisStream &) = delete;
  VorbisStream &operator=(const VorbisStream &) = delete;

  long serial() const { return stream.serialno; }
  bool ended() const { return stream.e_o_s != 0; }
  /// Whether the headers are complete, and the format is known.
  bool ready() const { return decodes; }
  int64_t rate() const { return format.rate; }

  /// Adds the mean of the channels of a page's samples to `samples`.
  Result<void> take(ogg_page &page, std::vector<float> &samples) {
    if (ogg_stream_pagein(&stream, &page) != 0)
      return fail("broken Ogg Vorbis: a page of another version");
    ogg_packet packet;
    while (int got = ogg_stream_packetout(&stream, &packet)) {
      if (got < 0)
        return fail("broken Ogg Vorbis: missing pages");
      if (auto taken = decodes ? decode(packet, samples) : takeHeader(packet); !taken)
        return taken;
    }
    return {};
  }

private:
  Result<void> takeHeader(ogg_packet &packet) {
    constexpr int headerCount = 3;
    if (int status = vorbis_synthesis_headerin(&format, &comment, &packet); status != 0)
      return fail(fmt::format("broken Ogg Vorbis: error {} of its headers", status));
    if (++headers < headerCount)
      return {};
    if (auto checked = checkAudioFormat(format.rate, format.channels); !checked)
      return checked;
    if (vorbis_synthesis_init(&state, &format) != 0)
      return fail("broken Ogg Vorbis: its headers do not fit each other");
    vorbis_block_init(&state, &block);
    decodes = true;
    return {};
  }

  Result<void> decode(ogg_packet &packet, std::vector<float> &samples) {
    if (packet.bytes == 0) // stands for nothing
      return {};
    if (vorbis_synthesis(&block, &packet) != 0 || vorbis_synthesis_blockin(&state, &block) != 0)
      return fail("broken Ogg Vorbis: a damaged packet");
    float **channels = nullptr;
    while (int count = vorbis_synthesis_pcmout(&state, &channels)) {
      for (int i = 0; i < count; ++i) {
        float sum = 0;
        for (int c = 0; c < format.channels; ++c)
          sum += channels[c][i];
        samples.push_back(sum / static_cast<float>(format.channels));
        if (!std::isfinite(samples.back()))
          return fail("broken Ogg Vorbis: a sample that is not a finite number");
      }
      vorbis_synthesis_read(&state, count);
    }
    return {};
  }

  ogg_stream_state stream;
  vorbis_info format;
  vorbis_comment comment;
  vorbis_dsp_state state;
  vorbis_block block;
  int headers = 0;
  bool decodes = false;
};

/// Links follow one another; each begins with the first pages of all its streams, of which the
/// first of Vorbis is read.
class VorbisReader : public AudioReader {
public:
  explicit VorbisReader(std::span<const std::byte> file) : pages(file) {}

  // The rate is known with the headers.
  Result<void> start() {
    while (sampleRate == 0 && !ended)
      if (auto read = readPage(); !read)
        return read;
    return {};
  }

  int64_t rate() const override { return sampleRate; }

  Result<size_t> read(std::span<float> samples) override {
    while (used == decoded.size() && !ended) {
      decoded.clear();
      used = 0;
      if (auto page = readPage(); !page)
        return forward(page);
    }
    size_t count = std::min(samples.size(), decoded.size() - used);
    std::copy_n(decoded.begin() + static_cast<ptrdiff_t>(used), count, samples.begin());
    used += count;
    return count;
  }

private:
  Result<void> readPage() {
    ogg_page page;
    Result<bool> more = pages.next(page);
    if (!more)
      return forward(more);
    if (!*more) {
      ended = true;
      return endLink();
    }
    if (ogg_page_bos(&page)) {
      // Behind other pages it begins another link.
      if (!beginning)
        if (auto complete = endLink(); !complete)
          return complete;
      beginning = true;
      found.push_back(codecOf(page));
      if (stream || found.back() != codecs[0].name)
        return {};
      stream = std::make_unique<VorbisStream>(ogg_page_serialno(&page));
    } else {
      beginning = false;
    }
    if (!stream && !beginning)
      return noVorbis();
    return ogg_page_serialno(&page) == stream->serial() ? takePage(page) : Result<void>();
  }

  Result<void> takePage(ogg_page &page) {
    if (auto taken = stream->take(page, decoded); !taken)
      return taken;
    if (!stream->ready())
      return {};
    if (sampleRate != 0 && sampleRate != stream->rate())
      return fail("expected one sample rate in the file, found several");
    sampleRate = stream->rate();
    return {};
  }

  Result<void> endLink() {
    if (!stream)
      return noVorbis();
    if (!stream->ready())
      return fail("broken Ogg Vorbis: it is cut short in its headers");
    if (!stream->ended())
      odd = "its last page is missing: it may be cut short";
    if (std::ranges::count(found, std::string_view(codecs[0].name)) > 1)
      odd = "of several Vorbis streams side by side the first is taken";
    stream.reset();
    found.clear();
    return {};
  }

  Result<void> noVorbis() const {
    return fail(fmt::format("expected Vorbis in the Ogg file, found {}", fmt::join(found, ", ")));
  }

  OggPages pages;
  std::unique_ptr<VorbisStream> stream;
  std::vector<std::string_view> found; // the codecs of the link's streams
  bool beginning = true;               // of a link: no page yet but the first of each stream
  bool ended = false;
  std::vector<float> decoded; // of which the first `used` were read
  size_t used = 0;
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

//===- DataFiles.cpp - small pictures and sounds for the tests
//---------------------------------===//
#include "tests/unit/Runtime/DataFiles.h"

#include <algorithm>
#include <FLAC/stream_encoder.h>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <jpeglib.h>
#include <memory>
#include <numbers>
#include <png.h>
#include <vorbis/vorbisenc.h>
#include <zlib.h>

namespace stc::runtime::test {

namespace {

template <class T> void put(std::string &text, T value) { text += little(value); }

} // namespace

std::string fromHex(std::string_view digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  return bytes;
}

std::string pngChunk(const std::string &name, const std::string &data) {
  std::string text = name + data;
  uLong sum = crc32(0, reinterpret_cast<const Bytef *>(text.data()), text.size());
  return big<uint32_t>(data.size()) + text + big<uint32_t>(sum);
}

std::string assemblePng(int64_t height, int64_t width, int depth, int colorType,
                        const std::string &rows, const std::string &before) {
  std::string header = big<uint32_t>(width) + big<uint32_t>(height);
  header += {static_cast<char>(depth), static_cast<char>(colorType), 0, 0, 0};
  uLongf size = compressBound(rows.size());
  std::string data(size, '\0');
  EXPECT_EQ(compress(reinterpret_cast<Bytef *>(data.data()), &size,
                     reinterpret_cast<const Bytef *>(rows.data()), rows.size()),
            Z_OK);
  data.resize(size);
  return "\x89PNG\r\n\x1a\n" + pngChunk("IHDR", header) + before + pngChunk("IDAT", data) +
         pngChunk("IEND", "");
}

std::string writePng(int64_t height, int64_t width, int channels, std::span<const uint8_t> pixels) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format =
      (channels > 2 ? PNG_FORMAT_FLAG_COLOR : 0) | (channels % 2 == 0 ? PNG_FORMAT_FLAG_ALPHA : 0);
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string file(size, '\0');
  EXPECT_TRUE(png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr));
  file.resize(size);
  return file;
}

std::string writeJpeg(int64_t height, int64_t width, int channels, std::span<const uint8_t> pixels,
                      int horizontal, int vertical, bool progressive) {
  jpeg_compress_struct encoder = {};
  jpeg_error_mgr errors; // ends the process
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char *data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &data, &size);
  encoder.image_width = static_cast<JDIMENSION>(width);
  encoder.image_height = static_cast<JDIMENSION>(height);
  encoder.input_components = channels;
  encoder.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, 100, TRUE);
  encoder.comp_info[0].h_samp_factor = horizontal;
  encoder.comp_info[0].v_samp_factor = vertical;
  if (progressive)
    jpeg_simple_progression(&encoder);
  jpeg_start_compress(&encoder, TRUE);
  while (encoder.next_scanline < encoder.image_height) {
    auto row = const_cast<JSAMPROW>(&pixels[encoder.next_scanline * width * channels]);
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  std::string file(reinterpret_cast<char *>(data), size);
  jpeg_destroy_compress(&encoder);
  std::free(data);
  return file;
}

std::string writeZip(const std::vector<ZipMemberSpec> &members) {
  std::string file, directory;
  for (const ZipMemberSpec &member : members) {
    std::string data = member.contents;
    if (member.deflated) {
      z_stream stream = {};
      deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
      data.resize(deflateBound(&stream, member.contents.size()));
      stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(member.contents.data()));
      stream.avail_in = member.contents.size();
      stream.next_out = reinterpret_cast<Bytef *>(data.data());
      stream.avail_out = data.size();
      EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
      data.resize(stream.total_out);
      deflateEnd(&stream);
    }
    auto sum = static_cast<uint32_t>(crc32_z(
        0, reinterpret_cast<const Bytef *>(member.contents.data()), member.contents.size()));
    std::string extra;
    if (member.zip64) {
      put<uint16_t>(extra, 0x7777); // a field that nobody knows comes first
      put<uint16_t>(extra, 2);
      put<uint16_t>(extra, 0);
      put<uint16_t>(extra, 1);
      put<uint16_t>(extra, 24);
      put<uint64_t>(extra, member.contents.size());
      put<uint64_t>(extra, data.size());
      put<uint64_t>(extra, file.size());
    }
    uint32_t local = file.size();
    auto common = [&](std::string &out) {
      put<uint16_t>(out, 45);
      put<uint16_t>(out, 0);
      put<uint16_t>(out, member.deflated ? 8 : 0);
      put<uint32_t>(out, 0); // time and date
      put<uint32_t>(out, sum);
      put<uint32_t>(out, member.zip64 ? UINT32_MAX : data.size());
      put<uint32_t>(out, member.zip64 ? UINT32_MAX : member.contents.size());
      put<uint16_t>(out, member.name.size());
      put<uint16_t>(out, extra.size());
    };
    file += "PK\3\4";
    common(file);
    file += member.name + extra + data;
    directory += "PK\1\2";
    put<uint16_t>(directory, 45);
    common(directory);
    put<uint16_t>(directory, 0);
    put<uint16_t>(directory, 0);
    put<uint16_t>(directory, 0);
    put<uint32_t>(directory, 0);
    put<uint32_t>(directory, member.zip64 ? UINT32_MAX : local);
    directory += member.name + extra;
  }
  uint64_t start = file.size();
  file += directory;
  if (std::ranges::any_of(members, &ZipMemberSpec::zip64)) {
    uint64_t end64 = file.size();
    file += "PK\6\6";
    put<uint64_t>(file, 44);
    put<uint32_t>(file, 45 << 16 | 45);
    put<uint64_t>(file, 0);
    put<uint64_t>(file, members.size());
    put<uint64_t>(file, members.size());
    put<uint64_t>(file, directory.size());
    put<uint64_t>(file, start);
    file += "PK\6\7";
    put<uint32_t>(file, 0);
    put<uint64_t>(file, end64);
    put<uint32_t>(file, 1);
    start = UINT32_MAX;
  }
  file += "PK\5\6";
  put<uint32_t>(file, 0);
  put<uint16_t>(file, members.size());
  put<uint16_t>(file, members.size());
  put<uint32_t>(file, directory.size());
  put<uint32_t>(file, start);
  put<uint16_t>(file, 0);
  return file;
}

std::string npyStart(const std::string &shape) {
  std::string header =
      fmt::format("{{'descr': '|u1', 'fortran_order': False, 'shape': {}, }}\n", shape);
  std::string start = "\x93NUMPY\1";
  start += '\0';
  put<uint16_t>(start, header.size());
  return start + header;
}

std::string writeWav(int format, int bits, int rate, int channels, std::span<const float> samples) {
  std::string data;
  for (float sample : samples) {
    if (format == 3 && bits == 32)
      put<float>(data, sample);
    else if (format == 3)
      put<double>(data, sample);
    else if (bits == 8)
      put<uint8_t>(data, std::lround(sample * 127 + 128));
    else {
      auto value = static_cast<int32_t>(std::llround(double(sample) * ((1LL << (bits - 1)) - 1)));
      data.append(reinterpret_cast<const char *>(&value), bits / 8);
    }
  }
  std::string file = "WAVEfmt ";
  put<uint32_t>(file, 16);
  put<uint16_t>(file, format);
  put<uint16_t>(file, channels);
  put<uint32_t>(file, rate);
  put<uint32_t>(file, rate * channels * bits / 8);
  put<uint16_t>(file, channels * bits / 8);
  put<uint16_t>(file, bits);
  file += "LIST"; // a chunk of an odd size that readers jump over
  put<uint32_t>(file, 3);
  file += std::string("abc\0", 4);
  file += "data";
  put<uint32_t>(file, data.size());
  file += data;
  std::string start = "RIFF";
  put<uint32_t>(start, file.size());
  return start + file;
}

std::string writeFlac(int rate, int channels, std::span<const float> samples) {
  struct Sink {
    std::string text;
    size_t at = 0;
    static FLAC__StreamEncoderWriteStatus write(const FLAC__StreamEncoder *,
                                                const FLAC__byte *bytes, size_t size, uint32_t,
                                                uint32_t, void *self) {
      auto &sink = *static_cast<Sink *>(self);
      sink.text.resize(std::max(sink.text.size(), sink.at + size));
      std::memcpy(&sink.text[sink.at], bytes, size);
      sink.at += size;
      return FLAC__STREAM_ENCODER_WRITE_STATUS_OK;
    }
    static FLAC__StreamEncoderSeekStatus seek(const FLAC__StreamEncoder *, FLAC__uint64 offset,
                                              void *self) {
      static_cast<Sink *>(self)->at = offset;
      return FLAC__STREAM_ENCODER_SEEK_STATUS_OK;
    }
    static FLAC__StreamEncoderTellStatus tell(const FLAC__StreamEncoder *, FLAC__uint64 *offset,
                                              void *self) {
      *offset = static_cast<Sink *>(self)->at;
      return FLAC__STREAM_ENCODER_TELL_STATUS_OK;
    }
  } sink;
  std::unique_ptr<FLAC__StreamEncoder, void (*)(FLAC__StreamEncoder *)> encoder(
      FLAC__stream_encoder_new(), FLAC__stream_encoder_delete);
  FLAC__stream_encoder_set_channels(encoder.get(), channels);
  FLAC__stream_encoder_set_sample_rate(encoder.get(), rate);
  FLAC__stream_encoder_set_bits_per_sample(encoder.get(), 16);
  EXPECT_EQ(FLAC__stream_encoder_init_stream(encoder.get(), Sink::write, Sink::seek, Sink::tell,
                                             nullptr, &sink),
            FLAC__STREAM_ENCODER_INIT_STATUS_OK);
  std::vector<FLAC__int32> values;
  for (float sample : samples)
    values.push_back(static_cast<FLAC__int32>(std::lround(sample * 32767)));
  EXPECT_TRUE(FLAC__stream_encoder_process_interleaved(encoder.get(), values.data(),
                                                       values.size() / channels));
  EXPECT_TRUE(FLAC__stream_encoder_finish(encoder.get()));
  return sink.text;
}

std::string writeVorbis(int rate, int channels, std::span<const float> samples, int serial) {
  vorbis_info info;
  vorbis_comment comment;
  vorbis_dsp_state state;
  vorbis_block block;
  ogg_stream_state stream;
  vorbis_info_init(&info);
  EXPECT_EQ(vorbis_encode_init_vbr(&info, channels, rate, 0.9f), 0);
  vorbis_comment_init(&comment);
  vorbis_analysis_init(&state, &info);
  vorbis_block_init(&state, &block);
  ogg_stream_init(&stream, serial);
  std::string file;
  ogg_page page;
  auto append = [&] {
    file.append(reinterpret_cast<char *>(page.header), page.header_len);
    file.append(reinterpret_cast<char *>(page.body), page.body_len);
  };
  ogg_packet headers[3];
  vorbis_analysis_headerout(&state, &comment, &headers[0], &headers[1], &headers[2]);
  for (ogg_packet &header : headers)
    ogg_stream_packetin(&stream, &header);
  while (ogg_stream_flush(&stream, &page))
    append();
  size_t frames = samples.size() / channels;
  float **buffer = vorbis_analysis_buffer(&state, frames);
  for (size_t i = 0; i < samples.size(); ++i)
    buffer[i % channels][i / channels] = samples[i];
  vorbis_analysis_wrote(&state, frames);
  vorbis_analysis_wrote(&state, 0);
  while (vorbis_analysis_blockout(&state, &block) == 1) {
    vorbis_analysis(&block, nullptr);
    vorbis_bitrate_addblock(&block);
    ogg_packet packet;
    while (vorbis_bitrate_flushpacket(&state, &packet)) {
      ogg_stream_packetin(&stream, &packet);
      while (ogg_stream_pageout(&stream, &page))
        append();
    }
  }
  while (ogg_stream_flush(&stream, &page))
    append();
  ogg_stream_clear(&stream);
  vorbis_block_clear(&block);
  vorbis_dsp_clear(&state);
  vorbis_comment_clear(&comment);
  vorbis_info_clear(&info);
  return file;
}

std::string writeOggPage(int serial, const std::string &packet) {
  ogg_stream_state stream;
  ogg_stream_init(&stream, serial);
  ogg_packet one = {};
  one.packet = reinterpret_cast<unsigned char *>(const_cast<char *>(packet.data()));
  one.bytes = static_cast<long>(packet.size());
  one.b_o_s = 1;
  ogg_stream_packetin(&stream, &one);
  ogg_page page;
  EXPECT_NE(ogg_stream_flush(&stream, &page), 0);
  std::string file(reinterpret_cast<char *>(page.header), page.header_len);
  file.append(reinterpret_cast<char *>(page.body), page.body_len);
  ogg_stream_clear(&stream);
  return file;
}

std::vector<float> tone(double frequency, double rate, int64_t samples) {
  std::vector<float> all;
  for (int64_t i = 0; i < samples; ++i)
    all.push_back(static_cast<float>(
        0.5 * std::sin(2 * std::numbers::pi * frequency * static_cast<double>(i) / rate)));
  return all;
}

} // namespace stc::runtime::test

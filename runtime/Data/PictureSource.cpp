//===- PictureSource.cpp - the files that pictures come in ----------------------------------===//
#include "runtime/Data/PictureSource.h"
#include "runtime/Data/NpyFile.h"
#include "runtime/Data/Zip.h"
#include "runtime/Support/FileKind.h"

#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace stc::runtime {

namespace {

constexpr int64_t cifarSide = 32, cifarRecord = 1 + 3 * cifarSide * cifarSide;
constexpr const char *npzMember = "data.npy";

// Planes of red, green and blue become pixels.
Picture fromPlanes(std::span<const std::byte> planes, int64_t side) {
  Picture picture{side, side, std::vector<uint8_t>(planes.size())};
  size_t pixels = planes.size() / 3;
  for (size_t c = 0; c < 3; ++c)
    for (size_t i = 0; i < pixels; ++i)
      picture.pixels[i * 3 + c] = static_cast<uint8_t>(planes[c * pixels + i]);
  return picture;
}

bool isCifar(std::span<const std::byte> file) {
  if (file.empty() || file.size() % cifarRecord != 0)
    return false;
  for (size_t at = 0; at < file.size(); at += cifarRecord)
    if (file[at] > std::byte(9))
      return false;
  return true;
}

class SinglePicture : public PictureSource {
public:
  explicit SinglePicture(std::span<const std::byte> file) : file(file) {}
  int64_t count() const override { return 1; }
  Result<Picture> next() override { return decodePicture(file); }

private:
  std::span<const std::byte> file;
};

class CifarPictures : public PictureSource {
public:
  explicit CifarPictures(std::span<const std::byte> file)
      : rest(file), records(static_cast<int64_t>(file.size()) / cifarRecord) {}
  int64_t count() const override { return records; }
  Result<Picture> next() override {
    std::span<const std::byte> planes = rest.subspan(1, cifarRecord - 1);
    rest = rest.subspan(cifarRecord);
    return fromPlanes(planes, cifarSide);
  }

private:
  std::span<const std::byte> rest;
  int64_t records;
};

class NpzPictures : public PictureSource {
public:
  static Result<std::unique_ptr<PictureSource>> open(std::span<const std::byte> file);

  NpzPictures(ZipMember member, int64_t count, int64_t side)
      : member(std::move(member)), pictures(count), side(side), planes(3 * side * side) {}
  int64_t count() const override { return pictures; }
  Result<Picture> next() override {
    if (auto read = member.read(planes); !read)
      return forward(read);
    return fromPlanes(planes, side);
  }

private:
  ZipMember member;
  int64_t pictures, side;
  std::vector<std::byte> planes;
};

// Reads an array's header and leaves the member at its data.
Result<NpyHeader> readHeader(ZipMember &member) {
  constexpr size_t start = 12; // the largest of both formats' fixed parts
  std::vector<std::byte> bytes(start);
  if (auto read = member.read(bytes); !read)
    return forward(read);
  auto byteAt = [&](size_t i) { return std::to_integer<size_t>(bytes[i]); };
  size_t size =
      byteAt(6) == 1 ? 10 + (byteAt(8) | byteAt(9) << 8) : start + byteAt(8) + (byteAt(9) << 8);
  if (isNpy(bytes) && size > start) {
    bytes.resize(size);
    if (auto read = member.read(std::span(bytes).subspan(start)); !read)
      return forward(read);
  }
  return parseNpyHeader(bytes);
}

Result<std::unique_ptr<PictureSource>> NpzPictures::open(std::span<const std::byte> file) {
  Result<ZipMember> member = ZipMember::open(file, npzMember);
  if (!member)
    return forward(member);
  Result<NpyHeader> header = readHeader(*member);
  if (!header)
    return fail(fmt::format("{}: {}", npzMember, header.error().message));
  int64_t pixels = header->shape.size() == 2 ? header->shape[1] / 3 : 0;
  int64_t side = pixels > 0 && pixels <= maxPixels ? std::llround(std::sqrt(double(pixels))) : 0;
  if (header->dtype != program::DType::U8 || side == 0 || header->shape[1] != 3 * side * side)
    return fail(fmt::format("{}: expected u8[pictures, 3 * side * side], found {}", npzMember,
                            describe(*header)));
  if (member->size() != header->dataStart + header->dataBytes)
    return fail(fmt::format("{}: expected {} bytes of {} after the header, found {}", npzMember,
                            header->dataBytes, describe(*header),
                            member->size() - header->dataStart));
  return std::make_unique<NpzPictures>(std::move(*member), header->shape[0], side);
}

} // namespace

PictureFormat pictureFormat(std::span<const std::byte> file) {
  if (isPicture(file))
    return PictureFormat::Single;
  if (isZip(file))
    return ZipMember::open(file, npzMember) ? PictureFormat::Npz : PictureFormat::None;
  return isCifar(file) ? PictureFormat::Cifar : PictureFormat::None;
}

Result<std::unique_ptr<PictureSource>> PictureSource::open(std::span<const std::byte> file) {
  switch (pictureFormat(file)) {
  case PictureFormat::Single:
    return std::make_unique<SinglePicture>(file);
  case PictureFormat::Cifar:
    return std::make_unique<CifarPictures>(file);
  case PictureFormat::Npz:
    return NpzPictures::open(file);
  case PictureFormat::None:
    break;
  }
  return fail(fmt::format("expected a PNG or JPEG picture, a file of CIFAR-10's binary version, or "
                          "an npz archive with data.npy, found {}",
                          describeFile(file)));
}

} // namespace stc::runtime

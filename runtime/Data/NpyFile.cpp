//===- NpyFile.cpp - NumPy's array files --------------------------------------------===//
#include "runtime/Data/NpyFile.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/File.h"

#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <string_view>

namespace stc::runtime {

using program::DType;

namespace {

constexpr std::string_view magic = "\x93NUMPY";

struct Description {
  std::string_view text;
  DType dtype;
};
constexpr Description descriptions[] = {
    {"<f2", DType::F16}, {"<f4", DType::F32}, {"<f8", DType::F64}, {"<i4", DType::I32},
    {"<i8", DType::I64}, {"|u1", DType::U8},  {"|b1", DType::I1}};

// Reads the header, a Python dictionary of three known keys.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  // Returns what is wrong.
  std::optional<std::string> parse(NpyHeader &header) {
    bool descr = false, order = false, shape = false;
    if (!take('{'))
      return "expected a dictionary in the header";
    while (!take('}')) {
      std::optional<std::string_view> key = string();
      if (!key || !take(':'))
        return "expected a key in the header";
      std::optional<std::string> error;
      if (*key == "descr" && !descr)
        descr = true, error = parseDescription(header);
      else if (*key == "fortran_order" && !order)
        order = true, error = parseOrder();
      else if (*key == "shape" && !shape)
        shape = true, error = parseShape(header);
      else
        error = fmt::format("expected keys descr, fortran_order, shape in the header, found '{}'",
                            printable(*key));
      if (error)
        return error;
      take(',');
    }
    if (!descr || !order || !shape)
      return "expected keys descr, fortran_order, shape in the header";
    if (rest.find_first_not_of(" \n") != std::string_view::npos)
      return "expected nothing after the dictionary in the header";
    return std::nullopt;
  }

private:
  bool take(char c) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (!rest.starts_with(c))
      return false;
    rest.remove_prefix(1);
    return true;
  }

  bool word(std::string_view w) {
    take(' ');
    if (!rest.starts_with(w))
      return false;
    rest.remove_prefix(w.size());
    return true;
  }

  std::optional<std::string_view> string() {
    if (!take('\''))
      return std::nullopt;
    size_t end = rest.find('\'');
    if (end == std::string_view::npos)
      return std::nullopt;
    std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return text;
  }

  std::optional<std::string> parseDescription(NpyHeader &header) {
    std::optional<std::string_view> text = string();
    if (!text)
      return "expected a plain element type, found a structured one";
    for (const Description &description : descriptions)
      if (description.text == *text) {
        header.dtype = description.dtype;
        return std::nullopt;
      }
    return fmt::format("expected elements of <f2, <f4, <f8, <i4, <i8, |u1 or |b1, found '{}'",
                       printable(*text));
  }

  std::optional<std::string> parseOrder() {
    if (word("False"))
      return std::nullopt;
    if (word("True"))
      return "expected C order, found Fortran order: save numpy.ascontiguousarray of it";
    return "expected True or False as fortran_order";
  }

  std::optional<std::string> parseShape(NpyHeader &header) {
    if (!take('('))
      return "expected a shape in the header";
    while (!take(')')) {
      int64_t size;
      take(' ');
      auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
      if (error != std::errc() || size < 0)
        return "expected a shape of sizes in the header";
      rest.remove_prefix(end - rest.data());
      if (header.shape.size() == maxDimensions)
        return fmt::format("expected at most {} dimensions", maxDimensions);
      header.shape.push_back(size);
      if (!take(',') && !rest.starts_with(')'))
        return "expected a shape of sizes in the header";
    }
    return std::nullopt;
  }

  std::string_view rest;
};

// The start of a file of format 1.0, its data at a multiple of 64 bytes.
Result<std::string> header(DType dtype, std::span<const int64_t> shape, size_t room) {
  std::string_view descr;
  for (const Description &description : descriptions)
    if (description.dtype == dtype)
      descr = description.text;
  if (descr.empty())
    return fail(fmt::format("expected a dtype that .npy files know, found {}", dtypeName(dtype)));
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                 descr, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  size_t prefix = magic.size() + 4;
  text.append(room > prefix + text.size() ? room - prefix - text.size() - 1
                                          : 63 - (prefix + text.size()) % 64,
              ' ');
  text += '\n';
  if (text.size() > 0xffff)
    return fail(fmt::format("expected fewer dimensions, found {}", shape.size()));
  char start[] = {1, 0, static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return std::string(magic) + std::string(start, sizeof(start)) + text;
}

} // namespace

bool isNpy(std::span<const std::byte> start) {
  return start.size() >= magic.size() && std::memcmp(start.data(), magic.data(), magic.size()) == 0;
}

Result<NpyHeader> parseNpyHeader(std::span<const std::byte> bytes) {
  auto byteAt = [&](size_t i) { return std::to_integer<size_t>(bytes[i]); };
  if (bytes.size() < magic.size() + 4 || !isNpy(bytes))
    return fail(fmt::format("expected a .npy file, found one that begins with \"{}\"",
                            printableStart(bytes)));
  size_t version = byteAt(6), start = version == 1 ? 10 : 12;
  if ((version != 1 && version != 2) || byteAt(7) != 0)
    return fail(fmt::format("expected .npy format 1.0 or 2.0, found {}.{}", version, byteAt(7)));
  if (bytes.size() < start)
    return fail("it is cut short in the header");
  size_t length = byteAt(8) | byteAt(9) << 8;
  if (version == 2)
    length |= byteAt(10) << 16 | byteAt(11) << 24;
  if (bytes.size() - start < length)
    return fail("it is cut short in the header");

  NpyHeader header;
  HeaderParser parser({reinterpret_cast<const char *>(bytes.data()) + start, length});
  if (std::optional<std::string> error = parser.parse(header))
    return fail(*error);
  header.dataStart = static_cast<int64_t>(start + length);
  header.dataBytes = byteSize(header.dtype);
  for (int64_t size : header.shape)
    if (__builtin_mul_overflow(header.dataBytes, size, &header.dataBytes))
      return fail(fmt::format("expected a possible shape, found {}", describe(header)));
  return header;
}

Result<NpyArray> readNpy(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return forward(file);
  Result<NpyHeader> header = parseNpyHeader(file->bytes());
  if (!header)
    return fail(path + ": " + header.error().message);
  std::span<const std::byte> bytes = file->bytes().subspan(header->dataStart);
  if (bytes.size() != static_cast<size_t>(header->dataBytes))
    return fail(fmt::format("{}: expected {} bytes of {} after the header, found {}", path,
                            header->dataBytes, describe(*header), bytes.size()));
  return NpyArray{header->dtype, header->shape, {bytes.begin(), bytes.end()}};
}

Result<void> writeNpy(const std::string &path, DType dtype, std::span<const int64_t> shape,
                      std::span<const std::byte> data) {
  Result<std::string> start = header(dtype, shape, 0);
  if (!start)
    return fail(path + ": " + start.error().message);
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return forward(file);
  if (auto written = file->write(*start); !written)
    return written;
  if (auto written = file->write(data); !written)
    return written;
  return file->commit();
}

// Enough for any first dimension.
static constexpr size_t writerStart = 192;

Result<NpyWriter> NpyWriter::create(const std::string &path, std::vector<int64_t> record) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return forward(file);
  if (auto written = file->write(std::string(writerStart, ' ')); !written)
    return forward(written);
  return NpyWriter(std::move(*file), std::move(record));
}

NpyWriter::NpyWriter(AtomicFile file, std::vector<int64_t> record)
    : file(std::move(file)), record(std::move(record)) {
  for (int64_t size : this->record)
    recordBytes *= size;
}

Result<void> NpyWriter::write(std::span<const uint8_t> data) {
  written += static_cast<int64_t>(data.size());
  return file.write(std::as_bytes(data));
}

Result<void> NpyWriter::cutTo(int64_t bytes) {
  written = bytes;
  return file.cutTo(static_cast<int64_t>(writerStart) + bytes);
}

Result<void> NpyWriter::readAt(int64_t offset, std::span<uint8_t> data) const {
  return file.readAt(static_cast<int64_t>(writerStart) + offset, std::as_writable_bytes(data));
}

Result<void> NpyWriter::writeAt(int64_t offset, std::span<const uint8_t> data) {
  return file.writeAt(static_cast<int64_t>(writerStart) + offset,
                      {reinterpret_cast<const char *>(data.data()), data.size()});
}

Result<void> NpyWriter::commit() {
  std::vector<int64_t> shape = {written / recordBytes};
  shape.insert(shape.end(), record.begin(), record.end());
  Result<std::string> start = header(DType::U8, shape, writerStart);
  if (!start)
    return forward(start);
  if (auto written = file.writeAt(0, *start); !written)
    return written;
  return file.commit();
}

std::string describe(const NpyHeader &header) {
  return fmt::format("{}[{}]", dtypeName(header.dtype), fmt::join(header.shape, ", "));
}

std::string describe(const NpyArray &array) {
  return describe(NpyHeader{array.dtype, array.shape});
}

} // namespace stc::runtime

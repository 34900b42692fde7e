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
  std::optional<std::string> parse(NpyArray &array) {
    bool descr = false, order = false, shape = false;
    if (!take('{'))
      return "expected a dictionary in the header";
    while (!take('}')) {
      std::optional<std::string_view> key = string();
      if (!key || !take(':'))
        return "expected a key in the header";
      std::optional<std::string> error;
      if (*key == "descr" && !descr)
        descr = true, error = parseDescription(array);
      else if (*key == "fortran_order" && !order)
        order = true, error = parseOrder();
      else if (*key == "shape" && !shape)
        shape = true, error = parseShape(array);
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

  std::optional<std::string> parseDescription(NpyArray &array) {
    std::optional<std::string_view> text = string();
    if (!text)
      return "expected a plain element type, found a structured one";
    for (const Description &description : descriptions)
      if (description.text == *text) {
        array.dtype = description.dtype;
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

  std::optional<std::string> parseShape(NpyArray &array) {
    if (!take('('))
      return "expected a shape in the header";
    while (!take(')')) {
      int64_t size;
      take(' ');
      auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
      if (error != std::errc() || size < 0)
        return "expected a shape of sizes in the header";
      rest.remove_prefix(end - rest.data());
      if (array.shape.size() == maxDimensions)
        return fmt::format("expected at most {} dimensions", maxDimensions);
      array.shape.push_back(size);
      if (!take(',') && !rest.starts_with(')'))
        return "expected a shape of sizes in the header";
    }
    return std::nullopt;
  }

  std::string_view rest;
};

} // namespace

Result<NpyArray> decodeNpy(std::span<const std::byte> bytes) {
  auto byteAt = [&](size_t i) { return std::to_integer<size_t>(bytes[i]); };

  if (bytes.size() < magic.size() + 4 || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
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

  NpyArray array;
  HeaderParser parser({reinterpret_cast<const char *>(bytes.data()) + start, length});
  if (std::optional<std::string> error = parser.parse(array))
    return fail(*error);
  int64_t expected = byteSize(array.dtype);
  for (int64_t size : array.shape)
    if (__builtin_mul_overflow(expected, size, &expected))
      return fail(fmt::format("expected a possible shape, found {}", describe(array)));
  bytes = bytes.subspan(start + length);
  if (bytes.size() != static_cast<size_t>(expected))
    return fail(fmt::format("expected {} bytes of {} after the header, found {}", expected,
                            describe(array), bytes.size()));
  array.data.assign(bytes.begin(), bytes.end());
  return array;
}

Result<NpyArray> readNpy(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return forward(file);
  Result<NpyArray> array = decodeNpy(file->bytes());
  if (!array)
    return fail(path + ": " + array.error().message, array.error().kind);
  return array;
}

Result<void> writeNpy(const std::string &path, DType dtype, std::span<const int64_t> shape,
                      std::span<const std::byte> data) {
  std::string_view descr;
  for (const Description &description : descriptions)
    if (description.dtype == dtype)
      descr = description.text;
  if (descr.empty())
    return fail(
        fmt::format("{}: expected a dtype that .npy files know, got {}", path, dtypeName(dtype)));
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                   descr, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  // The data starts at a multiple of 64 bytes; the header ends in a line feed.
  size_t prefix = magic.size() + 4;
  header.append(63 - (prefix + header.size()) % 64, ' ');
  header += '\n';
  if (header.size() > 0xffff)
    return fail(fmt::format("{}: expected fewer dimensions, got {}", path, shape.size()));
  char start[] = {1, 0, static_cast<char>(header.size() & 0xff),
                  static_cast<char>(header.size() >> 8)};

  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return forward(file);
  for (std::string_view text :
       {magic, std::string_view(start, sizeof(start)), std::string_view(header)})
    if (auto written = file->write(text); !written)
      return written;
  if (auto written = file->write(data); !written)
    return written;
  return file->commit();
}

std::string describe(const NpyArray &array) {
  return fmt::format("{}[{}]", dtypeName(array.dtype), fmt::join(array.shape, ", "));
}

} // namespace stc::runtime

//===- ProgramFile.cpp - the compiled program as a file -------------------------===//
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace stc::runtime {

namespace {

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t zero;
  uint64_t length;
  uint64_t checksum;
};
static_assert(sizeof(Header) == programHeaderBytes);

constexpr char magic[8] = {'S', 'T', 'C', '-', 'P', 'R', 'O', 'G'};
// FlatBuffers counts in 31 bits.
constexpr uint64_t maxPayload = FLATBUFFERS_MAX_BUFFER_SIZE - 1;
constexpr size_t maxDepth = 16; // the schema nests five deep
// Of a table and the offset that leads to it.
constexpr size_t leastTableBytes = 8;

} // namespace

Result<void> writeProgram(const std::string &path, std::span<const std::byte> payload) {
  if (payload.size() > maxPayload)
    return fail(fmt::format("{}: expected a program of at most {} bytes, found {}", path, maxPayload,
                            payload.size()));
  Header header{
      {}, programFormatVersion, 0, payload.size(), XXH3_64bits(payload.data(), payload.size())};
  std::memcpy(header.magic, magic, sizeof(magic));
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return forward(file);
  if (auto written = file->write(std::as_bytes(std::span(&header, 1))); !written)
    return written;
  if (auto written = file->write(payload); !written)
    return written;
  return file->commit();
}

Result<const program::Program *> readProgram(std::span<const std::byte> bytes) {
  Header header;
  if (bytes.empty())
    return fail("expected a compiled program, found an empty file");
  if (std::memcmp(bytes.data(), magic, std::min(bytes.size(), sizeof(magic))) != 0)
    return fail(fmt::format("expected a compiled program, found a file that begins with \"{}\"",
                            printableStart(bytes)));
  if (bytes.size() < sizeof(header))
    return fail(fmt::format("expected a header of {} bytes, found a file of {}: it is cut short",
                            sizeof(header), bytes.size()));
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.version != programFormatVersion)
    return fail(fmt::format("expected program format {}, found {}: compile it again with the "
                            "stc-compile of this stc-run",
                            programFormatVersion, header.version));
  bytes = bytes.subspan(sizeof(header));
  if (header.length != bytes.size())
    return fail(fmt::format("expected {} bytes after the header, found {}: {}", header.length,
                            bytes.size(),
                            bytes.size() < header.length ? "it is cut short" : "it is damaged"));
  if (header.zero != 0 || header.length > maxPayload ||
      header.checksum != XXH3_64bits(bytes.data(), bytes.size()))
    return fail("its checksum does not fit its contents: it is damaged");

  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(),
                                 maxDepth, bytes.size() / leastTableBytes);
  if (!program::VerifyProgramBuffer(verifier))
    return fail("its contents do not follow the program schema: it is damaged");
  const program::Program *program = program::GetProgram(bytes.data());
  if (contentBytes(*program) > bytes.size())
    return fail("parts of its contents are shared: it is damaged");
  if (Result<void> sound = checkProgram(*program); !sound)
    return forward(sound);
  return program;
}

Result<ProgramFile> ProgramFile::open(const std::string &path) {
  Result<MappedFile> mapped = MappedFile::open(path);
  if (!mapped)
    return forward(mapped);
  std::span<const std::byte> bytes = mapped->bytes();
  ProgramFile file;
  file.contents.resize((bytes.size() + sizeof(uint64_t) - 1) / sizeof(uint64_t));
  std::ranges::copy(bytes, std::as_writable_bytes(std::span(file.contents)).begin());
  Result<const program::Program *> root =
      readProgram(std::as_bytes(std::span(file.contents)).first(bytes.size()));
  if (!root)
    return fail(path + ": " + root.error().message, root.error().kind);
  file.root = *root;
  return file;
}

} // namespace stc::runtime

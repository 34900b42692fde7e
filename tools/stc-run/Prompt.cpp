//===- Prompt.cpp - what sampling continues ------------------------------------------------===//
#include "tools/stc-run/Prompt.h"
#include "runtime/Data/ByteStream.h"
#include "runtime/Support/File.h"
#include "runtime/Support/FileKind.h"
#include "tools/stc-run/Commands.h"

#include <fmt/format.h>

namespace stc::run {

using namespace runtime;

Result<std::vector<uint8_t>> readPrompt(const PromptOptions &options, const Settings &settings) {
  Result<std::string> kind = settings.text("data.kind", "text");
  if (!kind)
    return forward(kind);
  if (*kind == "audio" && !options.text.empty())
    return fail("expected a --prompt-file of sound for a model of sounds, found --prompt");
  if (options.file.empty())
    return std::vector<uint8_t>(options.text.begin(), options.text.end());
  if (*kind == "audio") {
    Result<int64_t> rate = settings.integer("data.rate");
    if (!rate)
      return forward(rate);
    if (auto checked = checkAudioFormat(*rate, 1); !checked)
      return fail("setting 'data.rate': " + checked.error().message);
    return readSound(options.file, *rate, warn);
  }
  Result<MappedFile> file = MappedFile::open(options.file);
  if (!file)
    return forward(file);
  if (const FileKind *found = fileKind(file->bytes()))
    return fail(fmt::format(
        "{}: expected {} to continue, found {}", options.file,
        *kind == "image" ? "the bytes of an image's first rows (--complete takes images)" : "text",
        found->name));
  auto bytes = reinterpret_cast<const uint8_t *>(file->bytes().data());
  return std::vector<uint8_t>(bytes, bytes + file->bytes().size());
}

} // namespace stc::run

//===- NameCheck.cpp - which names a program may have -----------------------------===//
#include "runtime/Program/NameCheck.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime {

Result<void> checkName(std::string_view name) {
  constexpr size_t longest = 200; // a file's name has at most 255 bytes on most systems
  auto isPlain = [](char c) { return c >= ' ' && c <= '~' && c != '/' && c != '\\'; };
  if (name.empty() || name.size() > longest || name.front() == '.' ||
      !std::ranges::all_of(name, isPlain))
    return fail(fmt::format("expected a name of 1 to {} printable ASCII characters without '/' and "
                            "'\\' and with no '.' in front, found '{}'",
                            longest, printable(name)));
  return checkTensorName(name);
}

Result<void> checkTensorName(std::string_view name) {
  if (name == "__metadata__")
    return fail("expected another name than '__metadata__', which is no tensor's in safetensors "
                "files");
  return {};
}

} // namespace stc::runtime

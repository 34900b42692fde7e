//===- Linker.cpp - objects to one shared object ----------------------------===//

#include "compiler/Target/Linker.h"
#include "compiler/Target/MemoryFile.h"

#include <llvm/ADT/StringSwitch.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/Program.h>

#include <cstring>

using namespace stc;

namespace {
/// The linker of the LLVM that the compiler was built with, or the first on the path.
tl::expected<std::string, std::string> findLinker() {
  if (auto found = llvm::sys::findProgramByName("ld.lld", {STC_LLVM_TOOLS_DIR}))
    return *found;
  for (const char *name : {"ld.lld-" STC_LLVM_MAJOR, "ld.lld"})
    if (auto found = llvm::sys::findProgramByName(name))
      return *found;
  return tl::unexpected<std::string>(
      "expected the linker ld.lld in " STC_LLVM_TOOLS_DIR
      " or on the path, found none (Debian has it as lld-" STC_LLVM_MAJOR ")");
}
} // namespace

tl::expected<std::vector<std::string>, std::string>
stc::undefinedSymbols(const std::string &object) {
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "kernel"));
  if (!file)
    return tl::unexpected(llvm::toString(file.takeError()));
  std::vector<std::string> missing;
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name) {
      llvm::consumeError(flags.takeError());
      llvm::consumeError(name.takeError());
      return tl::unexpected<std::string>("expected readable symbols in an object");
    }
    bool isKnown = llvm::StringSwitch<bool>(*name)
                       .Cases({"", "memcpy", "memmove", "memset"}, true)
                       .Case("_GLOBAL_OFFSET_TABLE_", true)
                       .Default(false);
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) && !isKnown)
      missing.push_back(name->str());
  }
  return missing;
}

tl::expected<std::string, std::string> stc::linkShared(std::span<const std::string> objects) {
  tl::expected<std::string, std::string> linker = findLinker();
  if (!linker)
    return linker;
  std::vector<MemoryFile> inputs;
  for (const std::string &object : objects)
    if (!inputs.emplace_back("stc-object").write(object))
      return tl::unexpected(std::string("cannot write a file in memory: ") + std::strerror(errno));
  MemoryFile output("stc-shared"), messages("stc-messages");

  std::vector<std::string> arguments = {*linker,       "-shared",          "-o",
                                        "-",           "--hash-style=gnu", "-z",
                                        "noexecstack", "--gc-sections",    "--build-id=none"};
  for (const MemoryFile &input : inputs)
    arguments.push_back(input.path());
  std::vector<llvm::StringRef> views(arguments.begin(), arguments.end());
  std::string out = output.path(), err = messages.path(), error;
  int status =
      llvm::sys::ExecuteAndWait(*linker, views, std::nullopt, {{""}, {out}, {err}}, 0, 0, &error);
  if (status != 0)
    return tl::unexpected("ld.lld failed: " + (error.empty() ? messages.read() : error));
  return output.read();
}

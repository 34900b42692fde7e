//===- Linker.cpp - objects to one shared object ----------------------------===//

#include "compiler/Target/Linker.h"
#include "compiler/Target/MemoryFile.h"

#include <lld/Common/Driver.h>
#include <llvm/ADT/StringSwitch.h>
#include <llvm/Object/ObjectFile.h>

#include <cstring>
#include <fcntl.h>
#include <future>
#include <mutex>

using namespace stc;

LLD_HAS_DRIVER(elf)

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

/// All that is written to a pipe until its writers close it.
static std::string readAll(int descriptor) {
  auto buffer = llvm::MemoryBuffer::getOpenFile(descriptor, "pipe", /*FileSize=*/-1);
  return buffer ? (*buffer)->getBuffer().str() : std::string();
}

tl::expected<std::string, std::string> stc::linkShared(std::span<const std::string> objects) {
  static std::mutex oneAtATime; // lld keeps its state in globals
  std::lock_guard lock(oneAtATime);
  std::vector<MemoryFile> inputs;
  for (const std::string &object : objects)
    if (!inputs.emplace_back("stc-object").write(object))
      return tl::unexpected(std::string("cannot write a file in memory: ") + std::strerror(errno));
  // To a file lld writes beside it and renames, which a file in memory does not allow.
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return tl::unexpected(std::string("cannot make a pipe: ") + std::strerror(errno));

  std::vector<std::string> arguments = {"ld.lld",
                                        "-shared",
                                        "--hash-style=gnu",
                                        "-z",
                                        "noexecstack",
                                        "--gc-sections",
                                        "--build-id=none",
                                        "-o",
                                        "/proc/self/fd/" + std::to_string(ends[1])};
  for (const MemoryFile &input : inputs)
    arguments.push_back(input.path());
  std::vector<const char *> words;
  for (const std::string &argument : arguments)
    words.push_back(argument.c_str());

  std::future<std::string> output = std::async(std::launch::async, readAll, ends[0]);
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  lld::Result result = lld::lldMain(words, stream, stream, {{lld::Gnu, &lld::elf::link}});
  close(ends[1]);
  std::string shared = output.get();
  close(ends[0]);
  if (result.retCode != 0 || shared.empty())
    return tl::unexpected("the linker failed: " + messages);
  return shared;
}

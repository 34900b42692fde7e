//===- Ptxas.cpp - NVIDIA's assembler, where there is one -----------------===//

#include "compiler/Target/Ptxas.h"

#include "compiler/Target/MemoryFile.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/Program.h>

using namespace llvm;

namespace stc {

std::string PtxasReport::str() const {
  if (isClean())
    return "";
  std::string text = "stack " + itostr(stack) + ", spill stores " + itostr(spillStores) +
                     ", spill loads " + itostr(spillLoads) + " bytes";
  return serialized.empty() ? text : text + "\n" + serialized;
}

/// Takes "  12 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads".
static bool takeLocalMemory(StringRef line, PtxasReport &report) {
  for (auto [what, bytes] : {std::pair(" bytes stack frame", &report.stack),
                             std::pair(" bytes spill stores", &report.spillStores),
                             std::pair(" bytes spill loads", &report.spillLoads)}) {
    auto [number, rest] = line.split(what);
    if (number.size() == line.size() || number.trim(" ,").getAsInteger(10, *bytes))
      return false;
    line = rest;
  }
  return true;
}

std::optional<PtxasReport> parsePtxasReport(StringRef output) {
  PtxasReport report;
  bool found = false;
  for (StringRef line : split(output, '\n')) {
    PtxasReport local;
    if (takeLocalMemory(line, local)) {
      found = true;
      report.stack += local.stack;
      report.spillStores += local.spillStores;
      report.spillLoads += local.spillLoads;
    } else if (line.contains("(C75")) {
      report.serialized += (report.serialized.empty() ? "" : "\n") + line.trim().str();
    }
  }
  return found ? std::optional(report) : std::nullopt;
}

std::optional<std::string> findPtxas() {
  if (const char *home = getenv("CUDA_HOME"))
    if (auto found = sys::findProgramByName("ptxas", {std::string(home) + "/bin"}))
      return *found;
  if (auto found = sys::findProgramByName("ptxas"))
    return *found;
  if (auto found = sys::findProgramByName("ptxas", {"/usr/local/cuda/bin"}))
    return *found;
  return std::nullopt;
}

tl::expected<Assembled, std::string>
assemblePtx(const std::string &ptxas, const std::string &architecture, const std::string &ptx) {
  MemoryFile input("stc-ptx"), output("stc-cubin"), messages("stc-messages");
  if (!input.write(ptx))
    return tl::unexpected(std::string("cannot write a file in memory"));
  std::string in = input.path(), out = output.path(), err = messages.path(), error;
  SmallVector<StringRef> arguments = {ptxas, "-arch", architecture, "-v", "-o", out, in};
  int status =
      sys::ExecuteAndWait(ptxas, arguments, std::nullopt, {{""}, {err}, {err}}, 0, 0, &error);
  std::string said = messages.read();
  if (status != 0)
    return tl::unexpected("ptxas failed: " + (error.empty() ? said : error));
  std::optional<PtxasReport> report = parsePtxasReport(said);
  if (!report)
    return tl::unexpected("expected what ptxas -v says of a kernel, found: " + said);
  return Assembled{output.read(), std::move(*report)};
}

} // namespace stc
